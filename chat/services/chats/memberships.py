"""Joining a chat and leaving it: every way leads through here.

The caller has locked the chat, and checks who may do it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import ConflictError, ForbiddenError
from chat.events.facts import record_fact
from chat.events.hub_commands import HubCommand, announce
from chat.limits.kept import check_room
from chat.limits.table import MEMBERS_OF_GROUP
from chat.models import Chat, Invitation, Membership, User
from chat.reads.summaries import summaries_for
from chat.services.chats.invitations import close_invitation
from chat.wire.payloads import person_payload, timestamp

Role = Membership.Role
# How a membership ended, if it has.
ENDING = ("left_at", "removed_at", "removed_by", "let_back_at")


def admit(chat: Chat, user: User, *, by: User | None = None) -> None:
    """Makes a person a member, again if need be.

    Raises ForbiddenError (with `by`: ConflictError) for a person who was removed, ConflictError
    when the group is full.
    """
    known = Membership.objects.filter(chat=chat, user=user).first()
    if known is not None and not known.has_ended:
        return
    if known is not None and known.is_removed:
        raise _to_be_let_back_first(user) if by else _was_removed()
    _check_room(chat, user)
    membership = known or Membership(chat=chat, user=user)
    membership.joined_at = timezone.now()
    for field in ENDING:
        setattr(membership, field, None)
    # A chat that everyone had left belongs to the first person to join: somebody must own it.
    membership.role = Role.MEMBER if user.is_bot or _has_people(chat) else Role.OWNER
    # Earlier messages can be read, but are not unread.
    membership.delivered_seq = membership.read_seq = chat.last_seq
    membership.save()
    _count_again(chat)
    close_invitation(chat, user, Invitation.Answer.ACCEPTED)
    announce_arrivals(chat, [user])
    _announce_member(chat, membership)
    action = "member.added" if by else "member.joined"
    record_fact(action, **of_member(chat, user, by or user), details={"role": membership.role})


def check_may_come(user: User, chat_id: int) -> None:
    """Raises ForbiddenError for a person who was removed from the chat and not let back in."""
    if Membership.objects.removed().filter(chat_id=chat_id, user=user).exists():
        raise _was_removed()


def dismiss(chat: Chat, membership: Membership, *, by: User | None = None) -> None:
    """Ends a membership. Ended `by` somebody else, it keeps the person out until they are let back
    in."""
    is_removal = by is not None and not membership.user.is_bot
    membership.left_at = timezone.now()
    membership.removed_at = membership.left_at if is_removal else None
    membership.removed_by = by if is_removal else None
    membership.let_back_at = None
    was_owner = membership.role == Role.OWNER
    membership.role = Role.MEMBER
    membership.save(update_fields=[*ENDING, "role"])
    _count_again(chat)
    action = "member.removed" if by else "member.left"
    record_fact(action, **of_member(chat, membership.user, by or membership.user))
    if was_owner:
        _pass_on_ownership(chat, by or membership.user)
    gone = {
        "type": "member.left",
        "chat_id": chat.pk,
        "user_id": membership.user_id,
        "member_count": chat.member_count,
    }
    announce(
        [
            HubCommand.leave(chat.pk, membership.user_id),
            HubCommand.to_person(membership.user_id, {"type": "chat.removed", "chat_id": chat.pk}),
            HubCommand.to_chat(chat.pk, gone),
        ]
    )


def give_role(chat: Chat, membership: Membership, role: str, *, by: User) -> None:
    membership.role = role
    membership.save(update_fields=["role"])
    _announce_member(chat, membership)
    details = {"role": role}
    record_fact("member.role_changed", **of_member(chat, membership.user, by), details=details)


def announce_arrivals(chat: Chat, people: Collection[User]) -> None:
    """Their own sockets get the chat from now on."""
    for user, summary in summaries_for(people, chat):
        created = {"type": "chat.created", "chat": summary}
        joined = HubCommand.join(chat.pk, user.pk, summary["revision"])
        announce([joined, HubCommand.to_person(user.pk, created)])


def of_member(chat: Chat, user: User, actor: User) -> dict[str, Any]:
    """Who did what a fact reports, and to whom."""
    return {"actor": actor, "chat_id": chat.pk, "target": ("person", user.pk)}


def _was_removed() -> ForbiddenError:
    return ForbiddenError(
        _(
            "You were removed from this chat. Ask one of the people who manage it to let you back"
            " in."
        )
    )


def _to_be_let_back_first(user: User) -> ConflictError:
    words = _("%(name)s was removed from this chat. Let them back in first, then add them.")
    return ConflictError(words % {"name": user.name})


def _pass_on_ownership(chat: Chat, by: User) -> None:
    active = Membership.objects.active().people().filter(chat=chat, user__is_active=True)
    active = active.order_by("joined_at", "pk")
    heir = active.filter(role=Role.ADMIN).first() or active.first()
    if heir is not None:
        give_role(chat, heir, Role.OWNER, by=by)


def _announce_member(chat: Chat, membership: Membership) -> None:
    joined = {
        "type": "member.joined",
        "chat_id": chat.pk,
        "user": person_payload(membership.user),
        "role": membership.role,
        "joined_at": timestamp(membership.joined_at),
        "member_count": chat.member_count,
    }
    announce([HubCommand.to_chat(chat.pk, joined)])


def _check_room(chat: Chat, user: User) -> None:
    """Public chats are for everybody; a bot is admitted by its webhook."""
    if chat.kind == Chat.Kind.GROUP and not user.is_bot:
        check_room(MEMBERS_OF_GROUP, _count(chat))


def _has_people(chat: Chat) -> bool:
    return Membership.objects.active().people().filter(chat=chat).exists()


def _count_again(chat: Chat) -> None:
    chat.member_count = _count(chat)
    chat.save(update_fields=["member_count"])


def _count(chat: Chat) -> int:
    return Membership.objects.active().people().filter(chat=chat).count()
