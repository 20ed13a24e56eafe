"""Notifies people who are looking elsewhere, and keeps each notification until it has been seen.

Few queries for many messages: a chat of thousands costs nothing unless someone is named in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content.mentions import mentioned_names
from chat.content.names import normal_form
from chat.errors import BadRequestError
from chat.events.hub_commands import HubCommand, announce
from chat.models import Block, Chat, Invitation, Membership, Message, Notification, User
from chat.models.chats import MembershipQuerySet
from chat.models.notifications import NotificationQuerySet
from chat.reads.directory import names_of_people
from chat.reads.notifications import notification_payload, notify_payload
from chat.services.access import membership_of
from chat.signals import cursors_moved

if TYPE_CHECKING:
    from chat.events.statuses import Moved

Kind = Notification.Kind
Notify = Membership.Notify
# A hundred years: until the person switches it on again.
LONGEST_MUTE_MINUTES = 100 * 366 * 24 * 60


@dataclass(frozen=True)
class Said:
    """A message as an event describes it."""

    event_id: UUID
    message_id: int
    chat_id: int
    content: str
    reply_to_id: int | None = None

    @cached_property
    def names(self) -> frozenset[str]:
        return mentioned_names(self.content)


@dataclass(frozen=True, slots=True)
class Invited:
    event_id: UUID
    chat_id: int
    user_id: int
    actor_id: int


@transaction.atomic
def notify_of_messages(said: Sequence[Said]) -> None:
    """Notifies everyone whom a message concerns, once per message; also when an edit mentions them.

    Leaves out its writer, those who have read that far, have left or want no notifications from the
    chat, and those whom a block keeps apart from its writer.
    """
    concerned = _Concerned(said)
    wanted: dict[tuple[int, int], tuple[Said, Membership]] = {}
    for one in said:
        for membership in concerned.by(one):
            wanted.setdefault((one.message_id, membership.user_id), (one, membership))
    if not wanted:
        return
    ids = {message_id for message_id, _user_id in wanted}
    messages = Message.objects.filter(pk__in=ids).readable()
    by_id = {message.pk: message for message in messages.select_related("sender")}
    told = set(Notification.objects.filter(message_id__in=ids).values_list("message_id", "user_id"))
    apart = _apart((by_id[pk].sender_id, user_id) for pk, user_id in wanted if pk in by_id)
    tell(
        Notification(
            user_id=membership.user_id,
            kind=kind,
            chat_id=message.chat_id,
            message=message,
            actor=message.sender,
            event_id=one.event_id,
        )
        for key, (one, membership) in wanted.items()
        if key not in told
        and (message := by_id.get(one.message_id)) is not None
        and message.chat_id == membership.chat_id
        and message.sender_id != membership.user_id
        and (message.sender_id, membership.user_id) not in apart
        and message.seq > membership.read_seq
        # It may have been edited since.
        and (kind := concerned.kind(replace(one, content=message.content), membership.user_id))
    )


@transaction.atomic
def notify_of_invites(invites: Sequence[Invited]) -> None:
    """Notifies those who were added to a chat by somebody else and are still in it."""
    invites = [invite for invite in invites if invite.user_id != invite.actor_id]
    if not invites:
        return
    memberships = _hearing().filter(
        chat_id__in={invite.chat_id for invite in invites},
        user_id__in={invite.user_id for invite in invites},
    )
    members = set(memberships.values_list("chat_id", "user_id"))
    actors = User.objects.in_bulk({invite.actor_id for invite in invites})
    ids = [invite.event_id for invite in invites]
    told = set(Notification.objects.filter(event_id__in=ids).values_list("event_id", flat=True))
    apart = _apart((invite.actor_id, invite.user_id) for invite in invites)
    tell(
        Notification(
            user_id=invite.user_id,
            kind=Kind.INVITE,
            chat_id=invite.chat_id,
            actor=actors[invite.actor_id],
            event_id=invite.event_id,
        )
        for invite in invites
        if (invite.chat_id, invite.user_id) in members
        and invite.actor_id in actors
        and (invite.actor_id, invite.user_id) not in apart
        and invite.event_id not in told
    )


@transaction.atomic
def notify_of_invitations(invited: Sequence[Invited]) -> None:
    """Notifies those who left and are invited back: once each, while the invitation is open."""
    if not invited:
        return
    rows = Invitation.objects.open(timezone.now()).filter(
        chat_id__in={one.chat_id for one in invited},
        user_id__in={one.user_id for one in invited},
        user__is_active=True,
        notifications=None,
    )
    found = {(row.chat_id, row.user_id): row for row in rows.select_related("chat", "created_by")}
    event_ids = {(one.chat_id, one.user_id): one.event_id for one in invited}
    apart = _apart((row.created_by_id, row.user_id) for row in found.values())
    tell(
        Notification(
            user_id=invitation.user_id,
            kind=Kind.INVITE,
            chat_id=invitation.chat_id,
            invitation=invitation,
            actor=invitation.created_by,
            event_id=event_ids[key],
        )
        for key, invitation in found.items()
        if key in event_ids and (invitation.created_by_id, invitation.user_id) not in apart
    )


@transaction.atomic
def take_back(message_ids: Collection[int]) -> None:
    """The messages are gone, and so are their notifications."""
    _remove(Notification.objects.filter(message_id__in=message_ids))


@transaction.atomic
def take_back_mentions(message_ids: Collection[int]) -> None:
    """Of people whom these messages, once edited, no longer name. A reply stays one."""
    rows = Notification.objects.filter(message_id__in=message_ids, kind=Kind.MENTION)
    lost = [row for row in rows.select_related("user", "message__reply_to") if not _is_named(row)]
    replies = {row.pk for row in lost if _is_answered(row)}
    Notification.objects.filter(pk__in=replies).update(kind=Kind.REPLY)
    gone = {row.pk for row in lost} - replies
    if gone:
        _remove(Notification.objects.filter(pk__in=gone))


def _is_named(row: Notification) -> bool:
    content = row.message.content if row.message else ""
    return normal_form(row.user.username) in mentioned_names(content)


def _is_answered(row: Notification) -> bool:
    answered = row.message.reply_to if row.message else None
    return answered is not None and answered.sender_id == row.user_id


@transaction.atomic
def take_back_invitations(invitation_ids: Collection[int]) -> None:
    """These invitations are answered or no longer open: there is nothing left to accept."""
    _remove(Notification.objects.filter(invitation_id__in=invitation_ids))


@transaction.atomic
def see_notifications(*, user: User, ids: Collection[int]) -> None:
    """The person has seen these, on all of their devices; those of others are not changed."""
    _see(Notification.objects.of(user).unseen().filter(pk__in=ids))


@transaction.atomic
def see_all_notifications(*, user: User, up_to: int | None = None) -> None:
    """The person has seen everything, or everything up to the one with this id."""
    unseen = Notification.objects.of(user).unseen()
    if up_to is not None:
        unseen = unseen.filter(pk__lte=up_to)
    newest = unseen.order_by("-pk").values_list("pk", flat=True).first()
    if newest is not None:
        unseen.filter(pk__lte=newest).update(seen_at=timezone.now())
        announce([_line(user.pk, seen_up_to=newest)])


@receiver(cursors_moved)
def see_what_was_read(moved: Iterable[Moved], **kwargs: Any) -> None:
    """Reading a chat also marks its notifications as seen: one query if there are none."""
    read = [one for one in moved if one.has_read]
    if read:
        _see(
            Notification.objects.read_meanwhile().filter(
                user_id__in={one.user_id for one in read},
                chat_id__in={one.chat_id for one in read},
            )
        )


@transaction.atomic
def set_notify(*, user: User, chat_id: int, level: str, mute_minutes: int | None) -> Membership:
    """Until when the person's notifications from this chat are muted; None: not muted."""
    if level not in Notify:
        raise BadRequestError.of("level", ", ".join(Notify.values))
    if mute_minutes is not None and not 0 < mute_minutes <= LONGEST_MUTE_MINUTES:
        raise BadRequestError.of("mute_minutes", _("a whole number"))
    membership = membership_of(user, chat_id)
    membership.notify = level
    membership.muted_until = (
        timezone.now() + timedelta(minutes=mute_minutes) if mute_minutes is not None else None
    )
    membership.save(update_fields=["notify", "muted_until"])
    changed = {"type": "chat.updated", "chat_id": chat_id, **notify_payload(membership)}
    announce([HubCommand.to_person(user.pk, changed)])
    return membership


class _Concerned:
    """Which of the chats' members each message means."""

    def __init__(self, said: Sequence[Said]) -> None:
        chat_ids = {one.chat_id for one in said}
        direct = Chat.objects.filter(pk__in=chat_ids, kind=Chat.Kind.DIRECT)
        self.direct = set(direct.values_list("pk", flat=True))
        others = [one for one in said if one.chat_id not in self.direct]
        replies = {one.reply_to_id for one in others if one.reply_to_id is not None}
        answered = Message.objects.filter(pk__in=replies).values_list("pk", "sender_id")
        self.answered = dict(answered) if replies else {}
        names = frozenset[str]().union(*(one.names for one in others))
        self.named = names_of_people(names) if names else {}
        self.members = self._read_members(others)

    def by(self, one: Said) -> Iterator[Membership]:
        for membership in self.members.get(one.chat_id, ()):
            if self.kind(one, membership.user_id):
                yield membership

    def kind(self, one: Said, user_id: int) -> Kind | None:
        if one.chat_id in self.direct:
            return Kind.DIRECT
        if self.named.get(user_id) in one.names:
            return Kind.MENTION
        is_reply = one.reply_to_id is not None and self.answered.get(one.reply_to_id) == user_id
        return Kind.REPLY if is_reply else None

    def _read_members(self, others: Sequence[Said]) -> dict[int, list[Membership]]:
        people = {*self.named, *self.answered.values()}
        if not people and not self.direct:
            return {}
        chat_ids = {one.chat_id for one in others if one.names or one.reply_to_id is not None}
        meant = Q(chat_id__in=self.direct) | Q(chat_id__in=chat_ids, user_id__in=people)
        members: dict[int, list[Membership]] = defaultdict(list)
        for membership in _hearing().filter(meant).only("chat_id", "user_id", "read_seq"):
            members[membership.chat_id].append(membership)
        return members


def _hearing() -> MembershipQuerySet:
    """Those who are in their chat and want notifications; a mute only silences them."""
    active = Membership.objects.active().exclude(notify=Notify.NOTHING)
    return active.filter(user__is_active=True, user__is_bot=False)


def _apart(pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of these people are kept apart by a block, whoever made it."""
    return Block.objects.among({user_id for pair in pairs for user_id in pair}).pairs()


def tell(notifications: Iterable[Notification]) -> None:
    """In the caller's transaction."""
    made = Notification.objects.bulk_create(notifications)
    announce(_line(row.user_id, notification=notification_payload(row)) for row in made)


def _remove(rows: NotificationQuerySet) -> None:
    taken = list(rows.values_list("pk", "user_id"))
    if taken:
        rows.delete()
        _announce_each("gone", taken)


def _see(unseen: NotificationQuerySet) -> None:
    # Locked in one order, so that two writers never wait for each other.
    rows = unseen.order_by("pk").select_for_update(of=("self",), no_key=True)
    seen = list(rows.values_list("pk", "user_id"))
    if seen:
        Notification.objects.filter(pk__in=[pk for pk, _user_id in seen]).update(
            seen_at=timezone.now()
        )
        _announce_each("seen", seen)


def _announce_each(what: str, rows: Iterable[tuple[int, int]]) -> None:
    """Each person's own ids, to their devices."""
    by_person: dict[int, list[int]] = defaultdict(list)
    for pk, user_id in rows:
        by_person[user_id].append(pk)
    announce(_line(user_id, **{what: ids}) for user_id, ids in by_person.items())


def _line(user_id: int, **fields: Any) -> HubCommand:
    return HubCommand.to_person(user_id, {"type": "notification", **fields})
