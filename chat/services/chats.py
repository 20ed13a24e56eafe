"""Making, finding the way into, and leaving chats."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chat.fanout import HubEvent, announce
from chat.models import Chat, Membership, User
from chat.payloads import person_payload
from chat.services.access import lock_chat, managing_membership_of, membership_of
from chat.summaries import chat_summary
from chat.text import check_title

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
    return chat


def open_direct_chat(*, user: User, other_id: int) -> Chat:
    """The one direct chat of two people, made when it is first asked for."""
    other = User.objects.filter(pk=other_id, is_active=True).exclude(pk=user.pk).first()
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
    return chat


@transaction.atomic
def rename_chat(*, actor: User, chat_id: int, title: str) -> Chat:
    chat = lock_chat(chat_id)
    managing_membership_of(actor, chat_id)
    chat.title = check_title(title)
    chat.save(update_fields=["title"])
    event = {"type": "chat.updated", "chat_id": chat.pk, "title": chat.title}
    announce([HubEvent.to_chat(chat.pk, event)])
    return chat


@transaction.atomic
def join_chat(*, user: User, chat_id: int) -> Chat:
    """Joins a public chat. Done twice it is done once."""
    chat = lock_chat(chat_id)
    if chat.kind != Chat.Kind.PUBLIC or not user.is_active:
        raise NotFoundError
    _admit(chat, user)
    return chat


@transaction.atomic
def add_member(*, actor: User, chat_id: int, user_id: int) -> Chat:
    chat = lock_chat(chat_id)
    managing_membership_of(actor, chat_id)
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise NotFoundError
    members = Membership.objects.active().filter(chat=chat).count()
    if chat.kind == Chat.Kind.GROUP and members >= MOST_MEMBERS_OF_GROUP:
        raise ConflictError(_("This group is full."))
    _admit(chat, user)
    return chat


@transaction.atomic
def leave_chat(*, user: User, chat_id: int) -> None:
    """Leaves a group or public chat; an owner's place goes to the next in line."""
    chat = lock_chat(chat_id)
    membership = membership_of(user, chat_id)
    if chat.is_direct:
        raise ConflictError(_("A direct chat cannot be left."))
    _dismiss(chat, membership)


@transaction.atomic
def remove_member(*, actor: User, chat_id: int, user_id: int) -> None:
    chat = lock_chat(chat_id)
    own = managing_membership_of(actor, chat_id)
    membership = _other_membership(chat, user_id)
    if membership.role == Role.OWNER or (membership.may_manage and own.role != Role.OWNER):
        raise ForbiddenError
    _dismiss(chat, membership)


@transaction.atomic
def set_role(*, actor: User, chat_id: int, user_id: int, role: str) -> Membership:
    """Makes a member an admin or an admin a member; only the owner does."""
    if role not in {Role.ADMIN, Role.MEMBER}:
        raise BadRequestError.of("role", "admin, member")
    chat = lock_chat(chat_id)
    own = managing_membership_of(actor, chat_id)
    membership = _other_membership(chat, user_id)
    if own.role != Role.OWNER or membership.role == Role.OWNER:
        raise ForbiddenError
    membership.role = role
    membership.save(update_fields=["role"])
    _announce_member(chat, membership.user, role)
    return membership


def _other_membership(chat: Chat, user_id: int) -> Membership:
    found = (
        Membership.objects.active().select_related("user").filter(chat=chat, user_id=user_id)
    ).first()
    if found is None:
        raise NotFoundError
    return found


def _admit(chat: Chat, user: User) -> None:
    known = Membership.objects.filter(chat=chat, user=user).first()
    if known is not None and known.left_at is None:
        return
    membership = known or Membership(chat=chat, user=user)
    membership.left_at, membership.joined_at = None, timezone.now()
    # A chat that everyone had left belongs to whoever comes first: somebody must look after it.
    membership.role = Role.MEMBER if _count(chat) else Role.OWNER
    # What was written before is there to be read, but it is no news.
    membership.delivered_seq = membership.read_seq = chat.last_seq
    membership.save()
    _announce_arrival(chat, user)
    _announce_member(chat, user, membership.role)


def _dismiss(chat: Chat, membership: Membership) -> None:
    membership.left_at = timezone.now()
    was_owner = membership.role == Role.OWNER
    membership.role = Role.MEMBER
    membership.save(update_fields=["left_at", "role"])
    if was_owner:
        _pass_on_ownership(chat)
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


def _pass_on_ownership(chat: Chat) -> None:
    active = Membership.objects.active().filter(chat=chat, user__is_active=True)
    active = active.order_by("joined_at", "pk")
    heir = active.filter(role=Role.ADMIN).first() or active.first()
    if heir is not None:
        heir.role = Role.OWNER
        heir.save(update_fields=["role"])
        _announce_member(chat, heir.user, Role.OWNER)


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


def _count(chat: Chat) -> int:
    return Membership.objects.active().filter(chat=chat).count()
