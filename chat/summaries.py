"""A person's chats as the chat list shows them: few queries, however many chats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, F, prefetch_related_objects

from chat.delivery_errors import delivery_errors
from chat.errors import NotFoundError
from chat.models import Block, Chat, Membership, Message, User
from chat.models.chats import MembershipQuerySet
from chat.notifications import mention_counts, notify_payload
from chat.payloads import (
    Payload,
    hidden_payload,
    person_payload,
    sender_payload,
    timestamp,
    wordless_payload,
)
from chat.text import excerpt

# In larger chats cursors and presence are not spread to everyone.
SMALL_CHAT_MEMBERS = 100


def chat_summaries(user: User, *, chat_ids: list[int] | None = None) -> list[Payload]:
    """The person's active chats, the one with the newest message first."""
    memberships = Membership.objects.active().filter(user=user).select_related("chat")
    if chat_ids is not None:
        memberships = memberships.filter(chat_id__in=chat_ids)
    own = list(memberships)
    surroundings = _Surroundings(user, [membership.chat for membership in own])
    own.sort(key=lambda m: m.chat.last_message_at or m.chat.created_at, reverse=True)
    return [_summary(membership, surroundings) for membership in own]


def active_chat_ids(user: User) -> list[int]:
    return list(Membership.objects.active().filter(user=user).values_list("chat_id", flat=True))


def chat_summary(user: User, chat_id: int) -> Payload:
    """One of them. Raises NotFoundError when the person is not in it."""
    found = chat_summaries(user, chat_ids=[chat_id])
    if not found:
        raise NotFoundError
    return found[0]


def small_chats(chat_ids: Iterable[int]) -> set[int]:
    counts = member_counts(chat_ids)
    return {pk for pk, count in counts.items() if count <= SMALL_CHAT_MEMBERS}


def member_counts(chat_ids: Iterable[int]) -> dict[int, int]:
    """Of people. A chat that only bots are in has none here."""
    active = Membership.objects.active().people().filter(chat_id__in=list(chat_ids))
    return dict(active.order_by().values_list("chat_id").annotate(count=Count("pk")))


def summaries_of(user_id: int, chat_ids: list[int]) -> list[Payload]:
    """Some of a person's chats, as far as they are in them."""
    user = User.objects.filter(pk=user_id).first()
    return chat_summaries(user, chat_ids=chat_ids) if user else []


class _Surroundings:
    def __init__(self, user: User, chats: list[Chat]) -> None:
        ids = [chat.pk for chat in chats]
        self.counts = member_counts(ids)
        last = Message.objects.filter(chat_id__in=ids, seq=F("chat__last_seq"))
        self.last = {message.chat_id: message for message in last.select_related("sender")}
        wordless = [message for message in self.last.values() if not message.content]
        prefetch_related_objects(wordless, "attachments")
        small = [pk for pk, count in self.counts.items() if count <= SMALL_CHAT_MEMBERS]
        self.cursors: dict[int, list[Payload]] = defaultdict(list)
        others = Membership.objects.active().people().filter(chat_id__in=small).exclude(user=user)
        for chat_id, cursors in _cursors_shown(others, shares_reading=user.shares_reading):
            self.cursors[chat_id].append(cursors)
        self.mentions = mention_counts(user)
        self.errors = delivery_errors(user.pk, ids)
        direct = [chat.pk for chat in chats if chat.is_direct]
        partners = Membership.objects.filter(chat_id__in=direct, user__is_bot=False)
        partners = partners.exclude(user=user)
        self.peers = {m.chat_id: m.user for m in partners.select_related("user")}
        closed = [self.peers[chat.pk] for chat in chats if chat.is_closed and chat.pk in self.peers]
        own_blocks = Block.objects.by(user).filter(blocked__in=closed)
        self.blocked = set(own_blocks.values_list("blocked_id", flat=True)) if closed else set()


def _cursors_shown(
    members: MembershipQuerySet, *, shares_reading: bool
) -> Iterator[tuple[int, Payload]]:
    """Each member's, by chat; how far they have read only between those who show it."""
    names = ("chat_id", "user_id", "joined_at", "delivered_seq", "read_seq")
    rows = members.values_list(*names, "user__shares_reading")
    for chat_id, user_id, joined_at, delivered, read, is_shown in rows:
        yield (
            chat_id,
            {
                "user_id": user_id,
                "joined_at": timestamp(joined_at),
                "delivered_seq": delivered,
                **({"read_seq": read} if shares_reading and is_shown else {}),
            },
        )


def _summary(membership: Membership, surroundings: _Surroundings) -> Payload:
    chat = membership.chat
    peer = surroundings.peers.get(chat.pk)
    last = surroundings.last.get(chat.pk)
    return {
        "id": chat.pk,
        "kind": chat.kind,
        "title": peer.name if peer else chat.title,
        "peer": person_payload(peer) if peer else None,
        "role": membership.role,
        "member_count": surroundings.counts.get(chat.pk, 0),
        "last_seq": chat.last_seq,
        "revision": chat.revision,
        "published_seq": chat.published_seq,
        "delivered_seq": membership.delivered_seq,
        "read_seq": membership.read_seq,
        "unread": max(0, chat.last_seq - membership.read_seq),
        "mentions": surroundings.mentions.get(chat.pk, 0),
        **notify_payload(membership),
        "created_at": timestamp(chat.created_at),
        "last_message": _last_message(last) if last else None,
        "cursors": surroundings.cursors[chat.pk],
        "errors": surroundings.errors.get(chat.pk, {}),
        "present": [],
        **_closed_payload(chat, is_blocked=peer is not None and peer.pk in surroundings.blocked),
    }


def _closed_payload(chat: Chat, *, is_blocked: bool) -> Payload:
    """Said only where nothing may be written; and that it is one's own doing only to who did it."""
    if not chat.is_closed:
        return {}
    return {"closed": True, "blocked": True} if is_blocked else {"closed": True}


def _last_message(message: Message) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "sender": sender_payload(message.sender),
        "content": excerpt(message.content) if message.is_readable else "",
        "created_at": timestamp(message.created_at),
        "deleted": message.is_deleted,
        **wordless_payload(message),
        **hidden_payload(message),
    }
