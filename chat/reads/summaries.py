"""A person's chats as the chat list shows them: few queries, however many chats or people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Count, OuterRef, Subquery, prefetch_related_objects

from chat.content.text import excerpt
from chat.errors import NotFoundError
from chat.models import Block, Chat, Membership, Message, User
from chat.reads.delivery_errors import delivery_errors
from chat.reads.notifications import notify_payload, waiting_mentions
from chat.wire.payloads import (
    Payload,
    hidden_payload,
    person_payload,
    sender_payload,
    timestamp,
    wordless_payload,
)

# In larger chats cursors and presence are not spread to everyone.
SMALL_CHAT_MEMBERS = 100


def chat_summaries(user: User, *, chat_ids: list[int] | None = None) -> list[Payload]:
    """The person's active chats, the one with the newest message first."""
    return chat_summaries_of([user], chat_ids=chat_ids)[user.pk]


def chat_summaries_of(
    people: Collection[User], *, chat_ids: list[int] | None = None
) -> dict[int, list[Payload]]:
    """The same of each of these people, by person: as few queries as for one of them."""
    by_id = {user.pk: user for user in people}
    memberships = Membership.objects.active().filter(user__in=by_id).select_related("chat")
    if chat_ids is not None:
        memberships = memberships.filter(chat_id__in=chat_ids)
    own = list(memberships)
    for membership in own:
        membership.user = by_id[membership.user_id]
    own.sort(key=lambda m: m.chat.last_message_at or m.chat.created_at, reverse=True)
    found: dict[int, list[Payload]] = {pk: [] for pk in by_id}
    for membership, summary in zip(own, _summaries(own), strict=True):
        found[membership.user_id].append(summary)
    return found


def summaries_for(people: Collection[User], chat: Chat) -> list[tuple[User, Payload]]:
    """Of one chat, as each of these members sees it: as few queries as for one of them."""
    among = Membership.objects.active().filter(chat=chat, user__in=people)
    memberships = list(among.select_related("chat", "user"))
    summaries = _summaries(memberships)
    return [(m.user, summary) for m, summary in zip(memberships, summaries, strict=True)]


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


def _summaries(memberships: list[Membership]) -> list[Payload]:
    surroundings = _Surroundings(memberships)
    return [_summary(membership, surroundings) for membership in memberships]


class _Surroundings:
    """What is around these memberships, be they one person's or one chat's."""

    def __init__(self, memberships: list[Membership]) -> None:
        chats = {membership.chat_id: membership.chat for membership in memberships}
        people = {membership.user_id for membership in memberships}
        self.counts = member_counts(chats)
        last = Message.objects.filter(pk__in=_last_messages_of(chats)).select_related("sender")
        self.last = {message.chat_id: message for message in last}
        wordless = [message for message in self.last.values() if not message.content]
        prefetch_related_objects(wordless, "attachments")
        small = [pk for pk, count in self.counts.items() if count <= SMALL_CHAT_MEMBERS]
        self._cursors = _cursors_of(small)
        self._mentions = waiting_mentions(people, chats)
        self.errors = delivery_errors(people, chats)
        direct = [pk for pk, chat in chats.items() if chat.is_direct]
        self._pairs = _pairs_of(direct)
        in_closed = [user for pk in direct if chats[pk].is_closed for user in self._pairs[pk]]
        self._blocks = _blocks_between(people, in_closed)

    def cursors(self, own: Membership) -> list[Payload]:
        """Of the others; how far they have read only between those who show it."""
        return [
            cursor if own.user.shares_reading and is_shown else _without_reading(cursor)
            for cursor, is_shown in self._cursors[own.chat_id]
            if cursor["user_id"] != own.user_id
        ]

    def mentions(self, own: Membership) -> int:
        return self._mentions.get((own.user_id, own.chat_id), 0)

    def peer(self, own: Membership) -> User | None:
        """In a direct chat, whom it is with."""
        return next((user for user in self._pairs[own.chat_id] if user != own.user), None)

    def is_blocked(self, own: Membership, peer: User | None) -> bool:
        return peer is not None and (own.user_id, peer.pk) in self._blocks


def _last_messages_of(chat_ids: Iterable[int]) -> list[int]:
    """Their ids: a look-up for each chat. Joined with their chats, PostgreSQL reads all messages
    that there are, where there are millions."""
    of_chat = Message.objects.filter(chat=OuterRef("pk"), seq=OuterRef("last_seq"))
    chats = Chat.objects.filter(pk__in=list(chat_ids), last_seq__gt=0)
    found = chats.annotate(last_id=Subquery(of_chat.values("pk")[:1]))
    return [pk for pk in found.values_list("last_id", flat=True) if pk is not None]


def _cursors_of(chat_ids: Collection[int]) -> dict[int, list[tuple[Payload, bool]]]:
    """Of the people in them, and whether they show how far they have read."""
    found: dict[int, list[tuple[Payload, bool]]] = defaultdict(list)
    rows = Membership.objects.active().people().filter(chat_id__in=chat_ids)
    names = ("chat_id", "user_id", "joined_at", "delivered_seq", "read_seq")
    for chat_id, user_id, joined_at, delivered, read, is_shown in rows.values_list(
        *names, "user__shares_reading"
    ):
        cursor = {
            "user_id": user_id,
            "joined_at": timestamp(joined_at),
            "delivered_seq": delivered,
            "read_seq": read,
        }
        found[chat_id].append((cursor, is_shown))
    return found


def _without_reading(cursor: Payload) -> Payload:
    return {name: value for name, value in cursor.items() if name != "read_seq"}


def _pairs_of(direct_chat_ids: Collection[int]) -> dict[int, list[User]]:
    found: dict[int, list[User]] = defaultdict(list)
    if direct_chat_ids:
        both = Membership.objects.filter(chat_id__in=direct_chat_ids, user__is_bot=False)
        for membership in both.select_related("user"):
            found[membership.chat_id].append(membership.user)
    return found


def _blocks_between(blockers: Collection[int], blocked: list[User]) -> set[tuple[int, int]]:
    if not blocked:
        return set()
    between = Block.objects.filter(blocker__in=blockers, blocked__in=blocked)
    return set(between.values_list("blocker_id", "blocked_id"))


def _summary(membership: Membership, surroundings: _Surroundings) -> Payload:
    chat = membership.chat
    peer = surroundings.peer(membership)
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
        "mentions": surroundings.mentions(membership),
        **notify_payload(membership),
        "created_at": timestamp(chat.created_at),
        "last_message": _last_message(last) if last else None,
        "cursors": surroundings.cursors(membership),
        "errors": surroundings.errors.get((membership.user_id, chat.pk), {}),
        "present": [],
        **_closed_payload(chat, is_blocked=surroundings.is_blocked(membership, peer)),
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
