"""What a batch of posts reads and writes, through the ORM.

On PostgreSQL the same rows are read and written by statements beside the models, which cost a
quarter of the processor's time: chat.services.posting.pipelined_rows. The rules are in
chat.services.posting.posting, for both; a test holds both to the same rows and events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from django.db import router, transaction
from django.db.models import F

from chat.models import Chat, Membership, Message, User
from chat.services.posting.locks import lock_chats_of
from chat.services.posting.posts import Key, NewPost

# In the order of the model's fields, as `from_db` takes them.
SENDER_FIELDS: Final = ("id", "username", "display_name", "is_bot")
KNOWN_FIELDS: Final = (
    "id",
    "chat_id",
    "seq",
    "revision",
    "sender_id",
    "client_message_id",
    "created_at",
)


class Rows:
    """`chats` are locked, the rest is read after that. `senders`, by chat and person: those who may
    post; each once, with what is told of a sender. `known`: what was saved before.
    """

    def __init__(self, posts: Sequence[NewPost]) -> None:
        self.chats = self._lock_chats(posts)
        self.senders = self._read_senders(posts)
        self.known = self._read_known(posts)

    def insert(self, messages: Sequence[Message], now: datetime) -> None:
        """They have their ids then, and their chats have moved on to them."""
        Message.objects.bulk_create(messages)
        added = Counter(message.chat_id for message in messages)
        for count in set(added.values()):
            chat_ids = [chat_id for chat_id, n in added.items() if n == count]
            Chat.objects.filter(pk__in=chat_ids).update(
                last_seq=F("last_seq") + count,
                revision=F("revision") + count,
                last_message_at=now,
            )

    def _lock_chats(self, posts: Sequence[NewPost]) -> dict[int, Chat]:
        return lock_chats_of({(post.chat_id, post.sender_id) for post in posts})

    def _read_senders(self, posts: Sequence[NewPost]) -> dict[tuple[int, int], User]:
        rows = (
            Membership.objects.active()
            .filter(
                chat_id__in=list(self.chats),
                user_id__in={post.sender_id for post in posts},
                user__is_active=True,
            )
            .values_list("chat_id", *(f"user__{name}" for name in SENDER_FIELDS))
        )
        return senders_of(rows)

    def _read_known(self, posts: Sequence[NewPost]) -> dict[Key, Message]:
        messages = Message.objects.filter(
            chat_id__in=list(self.chats),
            sender_id__in={post.sender_id for post in posts},
            client_message_id__in={post.client_message_id for post in posts},
        )
        return known_of(messages.values_list(*KNOWN_FIELDS))


@contextmanager
def rows_of(posts: Sequence[NewPost]) -> Iterator[Rows]:
    with transaction.atomic():
        yield Rows(posts)


def senders_of(rows: Iterable[Sequence[Any]]) -> dict[tuple[int, int], User]:
    """Of rows of a chat's id and SENDER_FIELDS."""
    database = router.db_for_read(User)
    people: dict[int, User] = {}
    senders: dict[tuple[int, int], User] = {}
    for chat_id, *fields in rows:
        user_id = fields[0]
        if user_id not in people:
            people[user_id] = User.from_db(database, SENDER_FIELDS, fields)
        senders[chat_id, user_id] = people[user_id]
    return senders


def known_of(rows: Iterable[Sequence[Any]]) -> dict[Key, Message]:
    """Of rows of KNOWN_FIELDS."""
    database = router.db_for_read(Message)
    messages = (Message.from_db(database, KNOWN_FIELDS, row) for row in rows)
    return {(m.chat_id, m.sender_id, m.client_message_id): m for m in messages}
