"""What staff do to messages and people: each action is recorded with its reason as a fact for the
audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import ConflictError, ForbiddenError, NotFoundError
from chat.events.facts import record_fact
from chat.models import Message, User
from chat.services.access import lock_chat
from chat.services.chats.direct_chats import settle_direct_chats_of


@transaction.atomic
def hide_message(actor: User, message_id: int, reason: str) -> None:
    """Hides the text from everyone, on open pages at once. Idempotent."""
    _check_may(actor, "chat.hide_message")
    message = _locked_message(message_id)
    if message.is_deleted:
        raise ConflictError(_("It was deleted. There is nothing to hide."))
    if message.is_hidden:
        return
    message.hidden_at, message.hidden_by, message.hidden_reason = timezone.now(), actor, reason
    _save_hidden(message, actor, "message.hidden", reason)


@transaction.atomic
def restore_message(actor: User, message_id: int, reason: str) -> None:
    """Shows the text again."""
    _check_may(actor, "chat.hide_message")
    message = _locked_message(message_id)
    if message.is_deleted:
        raise ConflictError(_("Its author has deleted it since. There is nothing to restore."))
    if not message.is_hidden:
        return
    message.hidden_at, message.hidden_by, message.hidden_reason = None, None, ""
    _save_hidden(message, actor, "message.restored", reason)


@transaction.atomic
def ban_person(actor: User, person_id: int, reason: str) -> None:
    """They are signed out everywhere at once and cannot sign in; what they wrote stays."""
    person = _person_to_moderate(actor, person_id)
    if not person.is_active:
        return
    _switch(person, actor, "person.banned", reason, is_active=False)


@transaction.atomic
def unban_person(actor: User, person_id: int, reason: str) -> None:
    person = _person_to_moderate(actor, person_id)
    if person.deleted_at is not None:
        raise ConflictError(_("This account was deleted by its owner and cannot come back."))
    if person.is_active:
        return
    _switch(person, actor, "person.unbanned", reason, is_active=True)


@transaction.atomic
def set_staff_rights(
    actor: User, person_id: int, *, is_staff: bool, groups: Iterable[Group], reason: str
) -> None:
    """Sets a person's staff groups. Not the actor's own, so that nobody locks themselves out."""
    _check_may(actor, "chat.change_user")
    person = _other_person(actor, person_id, partial(_check_gives_no_more_than_own, groups=groups))
    before = _rights(person)
    person.is_staff = is_staff
    person.save(update_fields=["is_staff"])
    person.groups.set(groups)
    record_fact(
        "person.rights_changed",
        actor=actor,
        target=("person", person.pk),
        details={"reason": reason, "before": before, "after": _rights(person)},
    )


def _check_gives_no_more_than_own(actor: User, person: User, groups: Iterable[Group]) -> None:
    if actor.is_superuser:
        return
    if person.is_superuser:
        raise ForbiddenError(_("Only a superuser may do this to a superuser."))
    given = Permission.objects.filter(group__in=groups).select_related("content_type")
    if not all(actor.has_perm(f"{p.content_type.app_label}.{p.codename}") for p in given):
        raise ForbiddenError(_("These groups have rights that you do not have. Ask a superuser."))


def _rights(person: User) -> list[str]:
    groups = person.groups.order_by("name").values_list("name", flat=True)
    return [*(["staff"] if person.is_staff else []), *groups]


def _check_may(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise ForbiddenError


def _locked_message(message_id: int) -> Message:
    """The chat's lock first, as everywhere: see Note [Order within a chat]."""
    chat_id = Message.objects.filter(pk=message_id).values_list("chat_id", flat=True).first()
    if chat_id is None:
        raise NotFoundError
    lock_chat(chat_id)
    return Message.objects.select_related("sender", "reply_to__sender").get(pk=message_id)


def _save_hidden(message: Message, actor: User, action: str, reason: str) -> None:
    message.changed_by_id = actor.pk
    message.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    record_fact(
        action,
        actor=actor,
        chat_id=message.chat_id,
        target=("message", message.pk),
        details={"reason": reason, "seq": message.seq, "revision": message.revision},
    )


def _person_to_moderate(actor: User, person_id: int) -> User:
    _check_may(actor, "chat.ban_user")
    return _other_person(actor, person_id, _check_may_moderate)


def _check_may_moderate(actor: User, person: User) -> None:
    if (person.is_staff or person.is_superuser) and not actor.is_superuser:
        raise ForbiddenError(_("Only a superuser may do this to staff."))


def _other_person(actor: User, person_id: int, check: Callable[[User, User], None]) -> User:
    """Locked, if `check` allows it. See Note [Rights before locks] in chat.services.access."""
    if person_id == actor.pk:
        raise ForbiddenError(_("You cannot do this to yourself. Ask another member of staff."))
    people = User.objects.filter(pk=person_id)
    check(actor, _found(people))
    person = _found(people.select_for_update(no_key=True))
    check(actor, person)
    return person


def _found(people: QuerySet[User]) -> User:
    person = people.first()
    if person is None:
        raise NotFoundError
    return person


def _switch(person: User, actor: User, action: str, reason: str, *, is_active: bool) -> None:
    person.is_active = is_active
    # Saving tells every process to look at this person's sockets again.
    person.save(update_fields=["is_active"])
    settle_direct_chats_of(person)
    record_fact(action, actor=actor, target=("person", person.pk), details={"reason": reason})
