"""Making, finding the way into, and leaving chats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chat.facts import fact, record_fact
from chat.fanout import HubEvent, announce
from chat.models import Chat, Membership, User
from chat.payloads import person_payload
from chat.services.access import lock_chat, managing_membership_of, membership_of
from chat.summaries import chat_summary
from chat.text import check_title
from messaging.outbox import record_many

MOST_MEMBERS_OF_GROUP = 5000
Role = Membership.Role


@transaction.atomic
def create_chat(*, owner: User, kind: str, title: str, members: Iterable[User] = ()) -> Chat:
    """Makes a group or a public chat with its owner and first members."""
    if kind not in {Chat.Kind.GROUP, Chat.Kind.PUBLIC}:
        raise BadRequestError.of("kind", "group, public")
    chat = Chat.objects.create(kind=kind, title=check_title(title), created_by=owner)
    people = {owner.pk: owner, **{member.pk: member for member in members}}
    Membership.objects.bulk_create(
        Membership(chat=chat, user=person, role=Role.OWNER if person == owner else Role.MEMBER)
        for person in people.values()
    )
    for person in people.values():
        _announce_arrival(chat, person)
    added = [person for person in people.values() if person != owner]
    record_many(
        [
            fact("chat.created", **_of_chat(chat, owner), details={"kind": kind}),
            *(fact("member.added", **_of_member(chat, person, owner)) for person in added),
        ]
    )
    return chat


def open_direct_chat(*, user: User, other_id: int) -> Chat:
    """The one direct chat of two people, made when it is first asked for."""
    people = User.objects.filter(is_active=True, is_bot=False)
    other = people.filter(pk=other_id).exclude(pk=user.pk).first()
    if other is None:
        raise NotFoundError
    low, high = sorted((user.pk, other.pk))
    key = f"{low}:{high}"
    found = Chat.objects.filter(direct_key=key).first()
    if found is not None:
        return found
    try:
        return _create_direct_chat(key, user, other)
    except IntegrityError:
        # The other one asked at the same moment.
        return Chat.objects.get(direct_key=key)


@transaction.atomic
def _create_direct_chat(key: str, user: User, other: User) -> Chat:
    chat = Chat.objects.create(kind=Chat.Kind.DIRECT, direct_key=key, created_by=user)
    Membership.objects.bulk_create(Membership(chat=chat, user=person) for person in (user, other))
    for person in (user, other):
        _announce_arrival(chat, person)
    kind_and_other = {"kind": chat.kind, "with": str(other.pk)}
    record_fact("chat.created", **_of_chat(chat, user), details=kind_and_other)
    return chat


@transaction.atomic
def rename_chat(*, actor: User, chat_id: int, title: str) -> Chat:
    chat = lock_chat(chat_id)
    managing_membership_of(actor, chat_id)
    before, chat.title = chat.title, check_title(title)
    chat.save(update_fields=["title"])
    titles = {"before": before, "after": chat.title}
    record_fact("chat.renamed", **_of_chat(chat, actor), details=titles)
    event = {"type": "chat.updated", "chat_id": chat.pk, "title": chat.title}
    announce([HubEvent.to_chat(chat.pk, event)])
    return chat


@transaction.atomic
def join_chat(*, user: User, chat_id: int) -> Chat:
    """Joins a public chat. Done twice it is done once."""
    chat = lock_chat(chat_id)
    if chat.kind != Chat.Kind.PUBLIC or not user.is_active:
        raise NotFoundError
    admit(chat, user)
    return chat


@transaction.atomic
def add_member(*, actor: User, chat_id: int, user_id: int) -> Chat:
    chat = lock_chat(chat_id)
    managing_membership_of(actor, chat_id)
    user = User.objects.filter(pk=user_id, is_active=True, is_bot=False).first()
    if user is None:
        raise NotFoundError
    check_room_for_one_more(chat)
    admit(chat, user, by=actor)
    return chat


@transaction.atomic
def leave_chat(*, user: User, chat_id: int) -> None:
    """Leaves a group or public chat; an owner's place goes to the next in line."""
    chat = lock_chat(chat_id)
    membership = membership_of(user, chat_id)
    if chat.is_direct:
        raise ConflictError(_("A direct chat cannot be left."))
    dismiss(chat, membership)


@transaction.atomic
def remove_member(*, actor: User, chat_id: int, user_id: int) -> None:
    chat = lock_chat(chat_id)
    own = managing_membership_of(actor, chat_id)
    membership = _other_membership(chat, user_id)
    if membership.role == Role.OWNER or (membership.may_manage and own.role != Role.OWNER):
        raise ForbiddenError
    dismiss(chat, membership, by=actor)


@transaction.atomic
def set_role(*, actor: User, chat_id: int, user_id: int, role: str) -> Membership:
    """Gives a member another role; only the owner does, who by handing it over becomes an admin."""
    if role not in Role.values:
        raise BadRequestError.of("role", "owner, admin, member")
    chat = lock_chat(chat_id)
    own = managing_membership_of(actor, chat_id)
    membership = _other_membership(chat, user_id)
    if own.role != Role.OWNER or membership.role == Role.OWNER:
        raise ForbiddenError
    if role == Role.OWNER:
        if membership.user.is_bot or not membership.user.is_active:
            raise ForbiddenError
        _give_role(chat, own, Role.ADMIN, by=actor)
    _give_role(chat, membership, role, by=actor)
    return membership


def _give_role(chat: Chat, membership: Membership, role: str, *, by: User) -> None:
    membership.role = role
    membership.save(update_fields=["role"])
    _announce_member(chat, membership.user, role)
    _record_role(chat, membership, by=by)


def check_room_for_one_more(chat: Chat) -> None:
    """Of a chat that the caller has locked. Raises ConflictError."""
    if chat.kind == Chat.Kind.GROUP and _count(chat) >= MOST_MEMBERS_OF_GROUP:
        raise ConflictError(_("This group is full."))


def _other_membership(chat: Chat, user_id: int) -> Membership:
    found = (
        Membership.objects.active().select_related("user").filter(chat=chat, user_id=user_id)
    ).first()
    if found is None:
        raise NotFoundError
    return found


def admit(chat: Chat, user: User, *, by: User | None = None) -> None:
    """Makes a member, again if need be, of a chat that the caller has locked."""
    known = Membership.objects.filter(chat=chat, user=user).first()
    if known is not None and known.left_at is None:
        return
    membership = known or Membership(chat=chat, user=user)
    membership.left_at, membership.joined_at = None, timezone.now()
    # A chat that everyone had left belongs to whoever comes first: somebody must look after it.
    membership.role = Role.MEMBER if user.is_bot or _has_people(chat) else Role.OWNER
    # What was written before is there to be read, but it is no news.
    membership.delivered_seq = membership.read_seq = chat.last_seq
    membership.save()
    _announce_arrival(chat, user)
    _announce_member(chat, user, membership.role)
    action = "member.added" if by else "member.joined"
    record_fact(action, **_of_member(chat, user, by or user), details={"role": membership.role})


def dismiss(chat: Chat, membership: Membership, *, by: User | None = None) -> None:
    """Ends a membership of a chat that the caller has locked."""
    membership.left_at = timezone.now()
    was_owner = membership.role == Role.OWNER
    membership.role = Role.MEMBER
    membership.save(update_fields=["left_at", "role"])
    action = "member.removed" if by else "member.left"
    record_fact(action, **_of_member(chat, membership.user, by or membership.user))
    if was_owner:
        _pass_on_ownership(chat, by or membership.user)
    gone = {
        "type": "member.left",
        "chat_id": chat.pk,
        "user_id": membership.user_id,
        "member_count": _count(chat),
    }
    announce(
        [
            HubEvent.leave(chat.pk, membership.user_id),
            HubEvent.to_person(membership.user_id, {"type": "chat.removed", "chat_id": chat.pk}),
            HubEvent.to_chat(chat.pk, gone),
        ]
    )


def _pass_on_ownership(chat: Chat, by: User) -> None:
    active = Membership.objects.active().filter(chat=chat, user__is_active=True, user__is_bot=False)
    active = active.order_by("joined_at", "pk")
    heir = active.filter(role=Role.ADMIN).first() or active.first()
    if heir is not None:
        _give_role(chat, heir, Role.OWNER, by=by)


def _announce_arrival(chat: Chat, user: User) -> None:
    """The person's own sockets: from now on they get the chat."""
    summary = chat_summary(user, chat.pk)
    created = {"type": "chat.created", "chat": summary}
    joined = HubEvent.join(chat.pk, user.pk, summary["revision"])
    announce([joined, HubEvent.to_person(user.pk, created)])


def _announce_member(chat: Chat, user: User, role: str) -> None:
    joined = {
        "type": "member.joined",
        "chat_id": chat.pk,
        "user": person_payload(user),
        "role": role,
        "member_count": _count(chat),
    }
    announce([HubEvent.to_chat(chat.pk, joined)])


def _has_people(chat: Chat) -> bool:
    return Membership.objects.active().filter(chat=chat, user__is_bot=False).exists()


def _record_role(chat: Chat, membership: Membership, *, by: User) -> None:
    details = {"role": membership.role}
    record_fact("member.role_changed", **_of_member(chat, membership.user, by), details=details)


def _of_chat(chat: Chat, actor: User) -> dict[str, Any]:
    return {"actor": actor, "chat_id": chat.pk, "target": ("chat", chat.pk)}


def _of_member(chat: Chat, user: User, actor: User) -> dict[str, Any]:
    return {"actor": actor, "chat_id": chat.pk, "target": ("person", user.pk)}


def _count(chat: Chat) -> int:
    return Membership.objects.active().filter(chat=chat).count()
