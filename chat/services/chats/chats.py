"""Creating, joining and leaving chats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content.text import check_title
from chat.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chat.events.facts import fact, record_fact
from chat.events.hub_commands import HubCommand, announce
from chat.models import Chat, Invitation, Membership, User
from chat.models.chats import direct_key
from chat.services.access import (
    lock_people,
    locked_for,
    managing_membership_of,
    membership_of,
    open_chat_for,
    person_within_reach,
)
from chat.services.chats.invitations import check_open, invite, lock_chat_of
from chat.services.chats.memberships import admit, announce_arrivals, dismiss, give_role, of_member
from messaging.outbox.recording import record_many

Role = Membership.Role


@transaction.atomic
def create_chat(*, owner: User, kind: str, title: str, members: Iterable[User] = ()) -> Chat:
    """Makes a group or a public chat with its owner and first members."""
    if kind not in {Chat.Kind.GROUP, Chat.Kind.PUBLIC}:
        raise BadRequestError.of("kind", "group, public")
    people = {owner.pk: owner, **{member.pk: member for member in members}}
    chat = Chat.objects.create(
        kind=kind, title=check_title(title), created_by=owner, member_count=len(people)
    )
    Membership.objects.bulk_create(
        Membership(chat=chat, user=person, role=Role.OWNER if person == owner else Role.MEMBER)
        for person in people.values()
    )
    announce_arrivals(chat, people.values())
    added = [person for person in people.values() if person != owner]
    record_many(
        [
            fact("chat.created", **_of_chat(chat, owner), details={"kind": kind}),
            *(fact("member.added", **of_member(chat, person, owner)) for person in added),
        ]
    )
    return chat


def open_direct_chat(*, user: User, other_id: int) -> Chat:
    """The one direct chat of two people, created when first requested. Raises NotFoundError."""
    other = person_within_reach(user, other_id)
    if other == user:
        raise NotFoundError
    key = direct_key(user.pk, other.pk)
    found = Chat.objects.filter(direct_key=key).first()
    if found is not None:
        return found
    try:
        return _create_direct_chat(key, user, other)
    except IntegrityError:
        # The other person asked at the same moment.
        return Chat.objects.get(direct_key=key)


@transaction.atomic
def _create_direct_chat(key: str, user: User, other: User) -> Chat:
    # A block, ban or deletion of one of the two either waits here or came first.
    lock_people(user.pk, other.pk)
    person_within_reach(user, other.pk)
    chat = Chat.objects.create(
        kind=Chat.Kind.DIRECT, direct_key=key, created_by=user, member_count=2
    )
    Membership.objects.bulk_create(Membership(chat=chat, user=person) for person in (user, other))
    announce_arrivals(chat, (user, other))
    kind_and_other = {"kind": chat.kind, "with": str(other.pk)}
    record_fact("chat.created", **_of_chat(chat, user), details=kind_and_other)
    return chat


@transaction.atomic
def rename_chat(*, actor: User, chat_id: int, title: str) -> Chat:
    chat, _own = locked_for(actor, chat_id, managing_membership_of)
    before, chat.title = chat.title, check_title(title)
    chat.save(update_fields=["title"])
    titles = {"before": before, "after": chat.title}
    record_fact("chat.renamed", **_of_chat(chat, actor), details=titles)
    event = {"type": "chat.updated", "chat_id": chat.pk, "title": chat.title}
    announce([HubCommand.to_chat(chat.pk, event)])
    return chat


@transaction.atomic
def join_chat(*, user: User, chat_id: int) -> Chat:
    """Joins a public chat. Idempotent.

    Raises ForbiddenError for a person who was removed from it.
    """
    chat, _open = locked_for(user, chat_id, open_chat_for)
    admit(chat, user)
    return chat


@transaction.atomic
def add_member(*, actor: User, chat_id: int, user_id: int) -> Invitation | None:
    """Adds a person. Somebody who left is invited instead, and the invitation is returned.

    Raises ConflictError for a person who was removed and not let back in.
    """
    chat, _own = locked_for(actor, chat_id, managing_membership_of)
    user = person_within_reach(actor, user_id)
    known = Membership.objects.filter(chat=chat, user=user).first()
    if known is not None and known.was_left:
        return invite(chat, user, by=actor)
    admit(chat, user, by=actor)
    return None


@transaction.atomic
def accept_invitation(*, user: User, invitation_id: int) -> Chat:
    """Idempotent. Raises NotFoundError, and ConflictError for one that is closed."""
    chat, invitation = lock_chat_of(user, invitation_id)
    if Membership.objects.active().filter(chat=chat, user=user).exists():
        return chat
    check_open(invitation)
    admit(chat, user)
    target = ("invitation", invitation.pk)
    record_fact("invitation.accepted", actor=user, chat_id=chat.pk, target=target)
    return chat


@transaction.atomic
def leave_chat(*, user: User, chat_id: int) -> None:
    """Leaves a group or public chat; ownership passes to the next in line."""
    chat, membership = locked_for(user, chat_id, membership_of)
    if chat.is_direct:
        raise ConflictError(_("You cannot leave a direct chat."))
    dismiss(chat, membership)


@transaction.atomic
def remove_member(*, actor: User, chat_id: int, user_id: int) -> None:
    """Removes a person, who stays out until somebody who manages the chat lets them back in."""
    chat, own = locked_for(actor, chat_id, managing_membership_of)
    membership = _other_membership(chat, user_id)
    if membership.role == Role.OWNER or (membership.may_manage and own.role != Role.OWNER):
        raise ForbiddenError
    dismiss(chat, membership, by=actor)


@transaction.atomic
def let_back(*, actor: User, chat_id: int, user_id: int) -> None:
    """Lets a removed person back in: they may join by themselves or be added.

    Idempotent. Raises NotFoundError for a person who was never in the chat.
    """
    chat, _own = locked_for(actor, chat_id, managing_membership_of)
    rows = Membership.objects.select_related("user").filter(chat=chat, user_id=user_id)
    membership = rows.first()
    if membership is None:
        raise NotFoundError
    if membership.is_removed:
        membership.let_back_at = timezone.now()
        membership.save(update_fields=["let_back_at"])
        record_fact("member.let_back", **of_member(chat, membership.user, actor))


@transaction.atomic
def set_role(*, actor: User, chat_id: int, user_id: int, role: str) -> Membership:
    """Gives a member another role. Only the owner may; an owner who hands the chat over becomes an
    admin.

    A bot is never more than a member.
    """
    if role not in Role.values:
        raise BadRequestError.of("role", "owner, admin, member")
    chat, own = locked_for(actor, chat_id, managing_membership_of)
    membership = _other_membership(chat, user_id)
    if own.role != Role.OWNER or membership.role == Role.OWNER or membership.user.is_bot:
        raise ForbiddenError
    if role == Role.OWNER:
        if not membership.user.is_active:
            raise ForbiddenError
        give_role(chat, own, Role.ADMIN, by=actor)
    give_role(chat, membership, role, by=actor)
    return membership


def _other_membership(chat: Chat, user_id: int) -> Membership:
    found = (
        Membership.objects.active().select_related("user").filter(chat=chat, user_id=user_id)
    ).first()
    if found is None:
        raise NotFoundError
    return found


def _of_chat(chat: Chat, actor: User) -> dict[str, Any]:
    return {"actor": actor, "chat_id": chat.pk, "target": ("chat", chat.pk)}
