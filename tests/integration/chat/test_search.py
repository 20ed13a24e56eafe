"""Finding messages by their words: on both databases, and in one's own chats only."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from chat.errors import NotFoundError, UnavailableError
from chat.models import Chat, Message, User
from chat.search import PAGE_RESULTS, Search, fulltext, scanning, search_messages, walking
from chat.services.messages import delete_message, edit_message
from tests.support import people

pytestmark = pytest.mark.django_db

TABLE = json.loads((Path(__file__).resolve().parents[2] / "searches.json").read_text())
PAIRS = [tuple(pair.values()) for pair in TABLE["pairs"]]


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()
    yield
    cache.clear()


def results(person: User, words: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = search_messages(person, Search(words, **more))["results"]
    return found


def found(person: User, words: str, **more: Any) -> list[str]:
    """The excerpts, newest first."""
    return [one["excerpt"] for one in results(person, words, **more)]


def marked(person: User, words: str, **more: Any) -> list[list[str]]:
    """What is marked in each."""
    return [[one["excerpt"][a:b] for a, b in one["hits"]] for one in results(person, words, **more)]


class TestWords:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("Встреча завтра в десять", "встреча"),
            ("Встреча завтра в десять", "ВСТРЕЧА"),
            ("Встреча завтра в десять", "десять завтра"),
            ("Встреча завтра в десять", "встр"),
            ("The garden is open", "garden open"),
            ("The garden is open", "GARD"),
            ("Это не так", "не так"),
            ("to be or not to be", "to be"),
            ("O'Reilly wrote it", "o'reilly"),
            ("see example.com", "example.com"),
            ("Ёлка у дома", "ёлка"),
            ("ticket 4711 is done", "4711"),
            ("😀 smile 😀", "smile"),
            ("50% of file_name.txt", "50% file_name.txt"),
        ],
    )
    def test_are_found(self, chat, ann, content, words):
        people.post(chat, ann, content)
        people.post(chat, ann, "nothing like it")
        assert found(ann, words) == [content]

    @pytest.mark.parametrize(("content", "words", "is_found"), PAIRS)
    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_are_those_of_the_table_in_every_form_of_unicode(
        self, chat, ann, content, words, is_found, form
    ):
        written = unicodedata.normalize(form, content)
        people.post(chat, ann, written)
        # As the walk among the newest messages finds it, and as the index does.
        for asked in (words, unicodedata.normalize("NFD", words), words.upper()):
            assert found(ann, asked) == ([written] if is_found else [])

    @pytest.mark.postgresql
    @pytest.mark.parametrize(("content", "words", "is_found"), PAIRS)
    def test_are_those_of_the_table_far_back_too(
        self, chat, ann, monkeypatch, content, words, is_found
    ):
        """Where the newest messages are no longer walked, the index is asked."""
        monkeypatch.setattr(walking, "OF_ONE", 0)
        people.post(chat, ann, content)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert found(ann, words, chat_id=chat.pk) == ([content] if is_found else [])

    @pytest.mark.parametrize(
        ("content", "words", "marks"),
        [
            ("See /var/log/nginx/error.log", "nginx log", ["log", "nginx", "log"]),
            ("версия v3.14.2", "3.14", ["3", "14"]),
            ("Всё ещё идёт", "еще", ["ещё"]),
            ("Иог Йог", "йог", ["Йог"]),
            ("user_id", "id", ["id"]),
        ],
    )
    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_are_marked_where_they_stand(self, chat, ann, content, words, marks, form):
        people.post(chat, ann, unicodedata.normalize(form, content))
        assert marked(ann, words) == [[unicodedata.normalize(form, word) for word in marks]]

    @pytest.mark.parametrize(
        "words", ["garden завтра", "arden", '"open garden"', "gardens9", "g_rden", "' OR 1=1 --"]
    )
    def test_that_do_not_all_occur_find_nothing(self, chat, ann, words):
        people.post(chat, ann, "The garden is open")
        assert found(ann, words) == []

    def test_in_quotes_follow_each_other(self, chat, ann):
        people.post(chat, ann, "open the garden door")
        people.post(chat, ann, "the door of an open garden")
        assert found(ann, '"the garden door"') == ["open the garden door"]
        assert found(ann, "«open garden» door") == ["the door of an open garden"]

    @pytest.mark.parametrize(
        "words", ["a:*b", "a & | ! b", "<-> ((", "\\", "':*", "'a' <2> b", "*"]
    )
    def test_are_never_a_program(self, chat, ann, words):
        people.post(chat, ann, "quite another thing")
        answer = people.browser_of(ann).get("/api/search", {"q": words})
        assert answer.status_code in {200, 400}
        if answer.status_code == 200:
            assert answer.json() == {"results": [], "before": None}

    @pytest.mark.postgresql
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("Перенесём встречу на пятницу", "встреча"),
            ("Мы встречаемся в пятницу", "встречаться"),
            ("Отправил вам документы", "документ"),
            ("We were running late", "run"),
            ("We were running late", "runs"),
            ("We were running late", "runn"),
            ("Посмотри отчёты в example.com", "отчёт"),
            ("Кошки и коты", "кошками"),
            ("Ёлки у дома", "ёлка"),
            ("Елки у дома", "ёлка"),
            ("The cat is dying", "die"),
            ("Blue skies over us", "sky"),
            ("They cried a lot", "cry"),
            ("An easier way", "easy"),
            ("It was hoped for", "hoping"),
            ("İstanbul at night", "istanbul"),
            ("300 \N{KELVIN SIGN} outside", "k"),
        ],
    )
    def test_are_found_in_other_forms(self, chat, ann, content, words):
        people.post(chat, ann, content)
        assert found(ann, words) == [content]

    def test_of_an_edit_are_found_and_those_before_it_are_not(self, chat, ann):
        message = people.post_text(chat, ann, "the old garden")
        edit_message(actor=ann, message_id=message.pk, content="the new house")
        assert found(ann, "garden") == []
        assert found(ann, "house") == ["the new house"]


class TestWhoseMessages:
    def test_are_those_of_chats_that_the_person_is_in_now(self, chat, ann, bob):
        eve = people.make_person("eve")
        people.post(chat, ann, "garden one")
        other = people.make_public(eve)
        people.post(other, eve, "garden two")
        assert found(bob, "garden") == ["garden one"]
        assert found(eve, "garden") == ["garden two"]
        people.remove(chat, bob)
        assert found(bob, "garden") == []

    def test_are_never_deleted_or_hidden_ones(self, chat, ann):
        deleted = people.post_text(chat, ann, "garden deleted")
        hidden = people.post_text(chat, ann, "garden hidden")
        delete_message(actor=ann, message_id=deleted.pk)
        Message.objects.filter(pk=hidden.pk).update(hidden_at=timezone.now())
        assert found(ann, "garden") == []

    def test_can_be_of_one_chat_or_of_one_person(self, chat, ann, bob):
        other = people.make_direct(ann, bob)
        people.post(chat, ann, "garden from ann")
        people.post(chat, bob, "garden from bob")
        people.post(other, bob, "garden between us")
        assert found(ann, "garden", chat_id=other.pk) == ["garden between us"]
        assert found(ann, "garden", chat_id=chat.pk, sender_id=bob.pk) == ["garden from bob"]
        assert found(ann, "garden", sender_id=ann.pk) == ["garden from ann"]

    def test_of_a_chat_that_is_not_theirs_are_not_there(self, chat, ann):
        with pytest.raises(NotFoundError):
            search_messages(people.make_person("eve"), Search("garden", chat_id=chat.pk))


class TestResults:
    def test_say_where_and_who_and_when(self, ann, bob):
        direct = people.make_direct(ann, bob)
        message = people.post_text(direct, bob, "see the garden")
        [result] = results(ann, "garden")
        assert result["chat"] == {"id": direct.pk, "title": bob.name}
        assert (result["message_id"], result["seq"]) == (message.pk, 1)
        assert result["sender"] == {"id": bob.pk, "name": bob.name, "username": bob.username}
        assert result["created_at"].endswith("Z")

    def test_mark_what_was_found(self, chat, ann):
        people.post(chat, ann, "🙂 Garden, the garden & gardening?")
        assert marked(ann, "garden")[0][:2] == ["Garden", "garden"[:6]]

    @pytest.mark.postgresql
    def test_mark_the_forms_of_a_word(self, chat, ann):
        people.post(chat, ann, "Встречу <b>перенесли</b>: встречаемся в 10, все встречи отменены")
        assert marked(ann, "встречи") == [["Встречу", "встречаемся", "встречи"]]

    def test_come_in_pages_without_one_missing_or_twice(self, chat, ann, bob):
        many = 2 * PAGE_RESULTS + 3
        for number in range(many):
            people.post(chat, ann if number % 2 else bob, f"garden {number}")
        seen, before = [], None
        for _ in range(10):
            page = search_messages(ann, Search("garden", before_id=before))
            seen += [result["seq"] for result in page["results"]]
            before = page["before"]
            if before is None:
                break
        assert seen == list(range(many, 0, -1))

    @pytest.mark.embedded
    def test_far_back_come_with_the_next_page(self, chat, ann, monkeypatch):
        """SQLite reads a bounded part at a time."""
        monkeypatch.setattr(scanning, "MAX_SCANNED", 10)
        people.post(chat, ann, "garden")
        for number in range(25):
            people.post(chat, ann, f"words {number}")
        first = search_messages(ann, Search("garden"))
        assert first["results"] == []
        assert found(ann, "garden", before_id=first["before"]) == []
        second = search_messages(ann, Search("garden", before_id=first["before"]))
        assert found(ann, "garden", before_id=second["before"]) == ["garden"]


def fill(chat: Chat, sender: User, content: str) -> None:
    """4,000 messages; `content` has two places, for something unique and for a number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chat_message (chat_id, seq, revision, sender_id, client_message_id,"
            " content, created_at, hidden_reason) SELECT %s, n, n, %s, gen_random_uuid(),"
            " format(%s, md5(n::text), n), now(), '' FROM generate_series(1, 4000) AS n",
            [chat.pk, sender.pk, content],
        )
        cursor.execute("ANALYZE chat_message")


def plans_of(search: Callable[[], object]) -> list[dict[str, Any]]:
    """How PostgreSQL has carried out what looked for messages."""
    plans: list[dict[str, Any]] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "@@" in sql and "unnest" not in sql and not sql.startswith("EXPLAIN"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
                plans.append(cursor.fetchone()[0][0]["Plan"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        search()
    return plans


def entries_found(plan: dict[str, Any]) -> int:
    """Messages that the index of words gave, to be looked at."""
    own = plan["Actual Rows"] if plan.get("Index Name") == "message_words_apart" else 0
    return int(own) + sum(map(entries_found, plan.get("Plans", ())))


@pytest.mark.postgresql
class TestOnPostgreSQL:
    @pytest.fixture
    def crowd(self, chat: Chat, ann: User) -> None:
        """Enough messages that reading them all would be the longer way."""
        fill(chat, ann, "слово %s number %s")

    def test_the_index_is_used(self, crowd, ann):
        plan = plans_of(lambda: found(ann, "number 3711"))[-1]
        assert '"Index Name": "message_words_apart"' in json.dumps(plan)
        assert [one["seq"] for one in results(ann, "number 3711")] == [3711]

    def test_a_frequent_word_is_not_looked_for_in_the_chats_of_others(self, crowd):
        """Where few chats are searched, the index itself leaves all others' messages out."""
        carol = people.make_person("carol")
        of_carol = people.make_group(carol)
        fill(of_carol, carol, "nothing of the kind %s %s")
        Chat.objects.filter(pk=of_carol.pk).update(last_seq=4000, revision=4000)
        people.post(of_carol, carol, "слово number one")
        plan = plans_of(lambda: found(carol, "слово number"))[-1]
        assert entries_found(plan) == 1

    def test_what_takes_too_long_is_said_so(self, crowd, ann, monkeypatch):
        monkeypatch.setattr(fulltext, "TIMEOUT_MS", 1)
        with pytest.raises(UnavailableError, match="takes too long"):
            search_messages(ann, Search("nowhere"))
        # The connection goes on.
        monkeypatch.undo()
        assert found(ann, "3711") != []


WORDS = ("garden", "gardens", "door", "сад", "дверь", "nothing")
LITTLE = {
    "OF_ALL": 200_000,
    "FURTHER": 200_000,
    "OF_ONE": 3,
    "OF_SEVERAL": 4,
    "MIN_OF_EACH": 1,
    "OF_SENDER": 3,
}
WAYS = {"all": {"MAX_NAMED_CHATS": 0}, "few": {}, "sender": {"OF_SENDER": 3000}}


@pytest.mark.postgresql
class TestAPast:
    """What is walked, the parts of the index, and where they meet: with little of each."""

    @pytest.fixture(autouse=True)
    def little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, number in LITTLE.items():
            monkeypatch.setattr(walking, name, number)
        monkeypatch.setattr(fulltext, "FEW", 0)
        monkeypatch.setattr("chat.search.PAGE_RESULTS", 3)

    @pytest.fixture
    def chats(self, ann: User, bob: User) -> list[Chat]:
        """Three of ann's, with messages of many parts of the past, and one of others."""
        eve = people.make_person("eve")
        chats = [people.make_group(ann, bob) for _ in range(3)]
        chats.append(people.make_group(eve, bob))
        chance = random.Random(7)
        seqs = dict.fromkeys(chats, 0)
        for number in range(1, 120):
            chat = chats[0] if chance.random() < 0.4 else chance.choice(chats)
            seqs[chat] += 1
            Message.objects.bulk_create(
                [
                    Message(
                        pk=10_000_000 + number * 37_000,
                        chat=chat,
                        seq=seqs[chat],
                        revision=seqs[chat],
                        sender=chance.choice([ann, bob]),
                        content=" ".join(chance.sample(WORDS, 2)),
                        deleted_at=timezone.now() if chance.random() < 0.1 else None,
                    )
                ]
            )
        return chats

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("where", [None, 0, 1])
    @pytest.mark.parametrize("who", [None, "bob"])
    @pytest.mark.parametrize("words", ["garden", "gardens door", "сад", "двери", "nowhere"])
    def test_is_found_whole_and_in_order(
        self, chats, ann, bob, monkeypatch, way, where, who, words
    ):
        for name, number in WAYS[way].items():
            monkeypatch.setattr(walking, name, number)
        chat_id = None if where is None else chats[where].pk
        sender_id = bob.pk if who else None
        found, before = [], None
        while True:
            page = search_messages(ann, Search(words, chat_id, sender_id, before))
            found += [result["message_id"] for result in page["results"]]
            if (before := page["before"]) is None:
                break
            assert len(page["results"]) == 3
        wanted = Message.objects.readable().filter(chat__in=chats[:3]).order_by("-pk")
        if chat_id:
            wanted = wanted.filter(chat_id=chat_id)
        if sender_id:
            wanted = wanted.filter(sender_id=sender_id)
        for word in words.removesuffix("и").split():
            wanted = wanted.filter(content__contains=word.removesuffix("s"))
        assert found == list(wanted.values_list("pk", flat=True))

    def test_is_asked_for_in_steps_so_that_a_word_of_long_ago_is_not_read_everywhere(
        self, chat, ann, monkeypatch
    ):
        """Of forty parts the newest fourteen do not have it; four, eight and sixteen are asked."""
        monkeypatch.setattr(walking, "OF_ALL", 0)
        monkeypatch.setattr(walking, "MAX_NAMED_CHATS", 0)
        Message.objects.bulk_create(
            Message(
                pk=(100 + part << fulltext.PART_BITS) + 1,
                chat=chat,
                seq=part + 1,
                revision=part + 1,
                sender=ann,
                content="garden" if part < 26 else "door",
            )
            for part in range(40)
        )
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = plans_of(lambda: found(ann, "garden"))[-1]
        assert entries_found(plan) == 28 - 14
        assert len(found(ann, "garden")) == 3


class TestLimits:
    def test_one_person_searches_so_often_a_minute(self, ann, bob, settings):
        settings.LIMIT_SEARCHES_PER_MINUTE = 2
        browser = people.browser_of(ann)
        statuses = [browser.get("/api/search?q=garden").status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        answer = browser.get("/api/search?q=garden")
        assert answer.json()["error"]["code"] == "too_many"
        assert int(answer["Retry-After"]) > 0
        assert people.browser_of(bob).get("/api/search?q=garden").status_code == 200

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("q=", "empty"),
            ("q=!!", "empty"),
            ("q=" + "x" * 201, "too_long"),
            ("q=a%00b", "bad_text"),
            ("", "bad_request"),
            ("q=a&chat=x", "bad_request"),
            ("q=a&from=0", "bad_request"),
            ("q=a&before=-1", "bad_request"),
        ],
    )
    def test_what_cannot_be_searched_for_is_said(self, ann, query, code):
        answer = people.browser_of(ann).get(f"/api/search?{query}")
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == code
