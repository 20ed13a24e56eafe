"""What people and operators do all day, as calls to be timed on the databases of filling.py.

Must be imported after Django is set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count, islice
from uuid import uuid4

from django.utils import timezone

from bench.support.filling import (
    BIG_CHAT,
    COMMON_ENGLISH,
    COMMON_RUSSIAN,
    FORMER,
    RARE_ENGLISH,
    RARE_RUSSIAN,
    SELDOM,
    SENTENCES,
    SOMEBODY,
    STAR,
    sentences,
)
from chat.errors import UnavailableError
from chat.models import Chat, Message, User
from chat.reads import directory, history
from chat.reads.blocks import people_apart
from chat.reads.message_receipts import receipts_payload
from chat.reads.notifications import notifications_page, unseen_notifications
from chat.reads.summaries import active_chat_ids, chat_summaries
from chat.search import PAGE_RESULTS, Search, search_messages
from chat.services.posting.posting import post_messages
from chat.services.posting.posts import NewPost, Posted
from chat.upkeep.pruning import KINDS
from messaging.operating.status import read_figures
from messaging.outbox.relay import Relay
from messaging.outbox.rows import OutboxRow
from messaging.outbox.shards import ALL_SHARDS
from messaging.outbox.target import Result

RELAYED = 100  # events of a round
WRITER = 2  # of one in a thousand messages of the big chat
TEXTS = sentences(SENTENCES)
_numbers = count()


class Everything:
    """Takes it all and says so at once: a bus that costs nothing."""

    bus = "none"

    def deliver(self, rows: Sequence[OutboxRow]) -> list[Result]:
        return [None] * len(rows)

    def breaker_state(self) -> str:
        return "closed"


class NoLock:
    """There is one relay."""

    shards = ALL_SHARDS

    def acquire(self) -> bool:
        return True

    def confirm(self) -> bool:
        return True

    def wait(self, alarm: object, timeout_seconds: float) -> None:
        pass

    def release(self) -> None:
        pass


class Actions:
    """Of one database: what is looked up beforehand is not timed."""

    def __init__(self) -> None:
        self.star = User.objects.get(pk=STAR)
        self.somebody = User.objects.get(pk=SOMEBODY)
        self.chat = Chat.objects.get(pk=BIG_CHAT)
        self.middle = self.chat.last_seq // 2
        self.message = Message.objects.get(chat=self.chat, seq=self.chat.last_seq)
        self.relay = Relay(Everything(), NoLock())
        self.write_pages()
        self.relay_all()

    def all(self) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
        """Names, what to time, and what to do before each time."""
        for name, action in self._reads():
            yield name, action, _nothing
        for name, action in self._searches():
            yield name, action, _nothing
        yield "post 1 message", partial(post, 1), _nothing
        yield "post 20 messages", partial(post, 20), _nothing
        yield f"relay {RELAYED} events", self.relay.run_round, self.make_waiting

    def _reads(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "open a chat", partial(history.newest_page, BIG_CHAT)
        yield "history far back", partial(history.page_before, BIG_CHAT, self.middle)
        yield "around a message", partial(history.page_around, BIG_CHAT, self.middle)
        yield "changes", partial(history.changes_after, BIG_CHAT, self.chat.revision - 100)
        yield "list of 1,000 chats", partial(chat_summaries, self.star)
        yield "welcome, 1,000 chats", self.welcome
        yield "notifications", partial(notifications_page, self.star)
        yield "message receipts", partial(receipts_payload, self.message, self.star, 0)
        yield "members of a large chat", partial(directory.list_members, BIG_CHAT, "", 0)
        yield "find people", partial(directory.find_people, self.star, "person77")
        yield "find public chats", partial(directory.find_public_chats, self.star, "chat", 0)
        yield "kafka_status", read_figures
        yield "what to prune first", due

    def _searches(self) -> Iterator[tuple[str, Callable[[], object]]]:
        for language, rare, common in (
            ("Russian", RARE_RUSSIAN, COMMON_RUSSIAN),
            ("English", RARE_ENGLISH, COMMON_ENGLISH),
        ):
            yield f"search, {language}, rare", self._search(rare)
            yield f"search, {language}, common", self._search(common)
            yield f"search, {language}, one chat", self._search(common, BIG_CHAT)
            yield f"search, {language}, few chats", self._search_as_somebody(common)
        yield "search, one in 1,000", self._search(SELDOM)
        yield "search, frequent once", self._search(FORMER)
        yield "search, common, by one", self._search(COMMON_ENGLISH, sender_id=WRITER)
        yield "search, two words", self._search(f"{RARE_RUSSIAN} {RARE_ENGLISH}")
        yield "search, nothing found", self._search("незабудковый")

    def write_pages(self) -> None:
        """As much is found with little past, where a chat has two messages and a person one: what
        a result costs would else be taken for what the past costs."""
        [chat_id, *_] = active_chat_ids(self.somebody)
        for word in (COMMON_RUSSIAN, COMMON_ENGLISH):
            write_a_page(self.somebody, Search(word), chat_id, SOMEBODY)
        write_a_page(self.star, Search(COMMON_ENGLISH, sender_id=WRITER), BIG_CHAT, WRITER)
        write_a_page(self.star, Search(SELDOM), BIG_CHAT, STAR)

    def _search(
        self, words: str, chat_id: int | None = None, sender_id: int | None = None
    ) -> Callable[[], object]:
        return partial(search, self.star, Search(words, chat_id, sender_id))

    def _search_as_somebody(self, words: str) -> Callable[[], object]:
        return partial(search, self.somebody, Search(words))

    def welcome(self) -> None:
        """What chat.live.welcome reads."""
        people_apart([STAR])
        active_chat_ids(self.star)
        chat_summaries(self.star)
        unseen_notifications(self.star)

    def make_waiting(self) -> None:
        self.relay_all()
        post(RELAYED)

    def relay_all(self) -> None:
        while self.relay.run_round():
            pass


def write_a_page(user: User, wanted: Search, chat_id: int, sender_id: int) -> None:
    """What is missing of a page of results, with one more for the next."""
    found = search_messages(user, wanted)
    if found["before"] is None:
        missing = PAGE_RESULTS + 1 - len(found["results"])
        post(missing, wanted.words, chat_id, sender_id)


def post(number: int, word: str = "", chat_id: int = BIG_CHAT, sender_id: int = STAR) -> None:
    """Texts like those of the past: what was frequent stays so."""
    posts = [
        NewPost(chat_id, sender_id, uuid4(), f"{TEXTS[n % len(TEXTS)]} {word} n{n}")
        for n in islice(_numbers, number)
    ]
    refused = [outcome for outcome in post_messages(posts) if not isinstance(outcome, Posted)]
    assert not refused, refused


def search(user: User, wanted: Search) -> None:
    """One that is given up after three seconds counts as what it took."""
    with suppress(UnavailableError):
        search_messages(user, wanted)


def due() -> None:
    """The first rows of each kind, were everything kept for so many days."""
    now = timezone.now() - timedelta(days=300)
    for kind in KINDS:
        if hasattr(kind, "due"):
            list(kind.due(now).values_list("pk", flat=True)[:100])


def _nothing() -> None:
    pass
