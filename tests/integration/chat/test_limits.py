"""The table of limits, row by row, and every door that stands under one."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import translation
from redis import Redis as Client

from chat.errors import TooLargeError, TooManyError
from chat.http.json import route, upload_route
from chat.http.middleware import AtOnceMiddleware
from chat.http.urls import urlpatterns as pages
from chat.limits import table
from chat.limits.background import Soon
from chat.limits.buckets import Buckets
from chat.limits.counting import Count, Counter, keep_pace, slow_down, take, use_counter
from chat.limits.doors import Unlimited, rule_of
from chat.limits.shared import SharedBuckets
from chat.limits.sockets import Place, SocketPlaces
from chat.limits.table import MESSAGES, TABLE, Limit
from chat.live import runtime as live_runtime
from chat.live.frames import OTHER_FRAMES, REQUESTS
from chat.live.opening import MAX_WAIT_SECONDS
from chat.live.routing import websocket_application
from chat.live.runtime import runtime
from chat.models import Attachment, MessageEdit
from chat.requests import messages
from chat.services.attachments import store_upload
from chat.services.messages import edit_message
from chat.wire.protocol import PROTOCOL_ERROR
from tests.integration.chat.conftest import in_thread
from tests.support import needs, people
from tests.support.people import Clock
from tests.support.services import Redis, wait_until
from tests.support.sockets import ChatSocket, Closed
from tests.unit.test_project import ROOT

# Whoever is faster waits, and is refused nothing.
PACES = [table.FRAMES, table.SOCKETS_OPENED]
RATES = [limit for limit in TABLE if limit.window_seconds and limit not in PACES]
every_rate = pytest.mark.parametrize("limit", RATES, ids=lambda limit: limit.name)


SLOW = replace(MESSAGES, name="slow", window_seconds=10**7)


def take_of(counter: Counter, count: Count) -> None:
    """As `take` does with this process's own."""
    before = use_counter(counter)
    try:
        take(count)
    finally:
        use_counter(before)


def slowly(limit: Limit) -> Limit:
    """The same row over so long a time that none of it comes back within a test."""
    return replace(limit, window_seconds=10**7)


def let_through(settings: Any, limit: Limit, number: int) -> None:
    """So many at once."""
    setattr(settings, limit.variable, round(number / limit.burst))


def taken(counter: Counter, limit: Limit, who: object = "ann", *, tries: int = 10) -> int:
    """How many of the tries are let through."""
    through = 0
    for _ in range(tries):
        try:
            take_of(counter, Count(limit, who))
        except TooManyError:
            continue
        through += 1
    return through


@pytest.mark.embedded
class TestRow:
    @pytest.fixture(autouse=True)
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def counter(self, clock) -> Counter:
        return Counter(Buckets(clock))

    @every_rate
    def test_lets_its_number_through_then_says_what_was_too_much_and_when_it_goes_on(
        self, limit, counter, clock, settings
    ):
        let_through(settings, limit, 3)
        assert taken(counter, limit) == 3
        with pytest.raises(TooManyError) as caught, translation.override("en"):
            take_of(counter, Count(limit, "ann"))
        error = caught.value.payload()
        assert (error["code"], caught.value.status) == ("too_many", 429)
        assert 0 < error["retry_after"] <= limit.window_seconds / 3 + 0.01
        assert error["detail"].startswith(str(limit.said))
        assert "Try again in" in error["detail"]
        clock.move(error["retry_after"])
        assert taken(counter, limit) == 1

    @every_rate
    def test_is_told_in_the_language_of_who_reads_it(self, limit, counter, settings):
        let_through(settings, limit, 1)
        taken(counter, limit)
        with pytest.raises(TooManyError) as caught:
            take_of(counter, Count(limit, "ann"))
        with translation.override("ru"):
            detail = caught.value.payload()["detail"]
        assert "Попробуйте снова через" in detail
        assert not any("a" <= letter <= "z" for letter in detail), detail

    @every_rate
    def test_leaves_everyone_else_alone(self, limit, counter, settings):
        let_through(settings, limit, 2)
        assert [taken(counter, limit, who) for who in ("ann", "bob")] == [2, 2]

    @every_rate
    def test_of_zero_is_none(self, limit, counter, settings):
        setattr(settings, limit.variable, 0)
        assert taken(counter, limit, tries=1000) == 1000


@pytest.mark.embedded
class TestPace:
    @pytest.fixture(params=PACES, ids=lambda limit: limit.name)
    def limit(self, request, settings) -> Limit:
        let_through(settings, request.param, 2)
        return request.param

    async def test_lets_its_number_through_and_then_one_after_the_other(
        self, limit, time_that_sleep_moves
    ):
        moments = []
        for _ in range(4):
            assert await keep_pace(Count(limit, "ann"))
            moments.append(time_that_sleep_moves.now)
        interval = limit.window_seconds / limit.amount
        assert moments == pytest.approx([0, 0, interval, 2 * interval], abs=0.02)

    async def test_waits_no_longer_than_it_may(self, limit, time_that_sleep_moves):
        interval = limit.window_seconds / limit.amount
        kept = [await keep_pace(Count(limit, "ann"), max_seconds=0.9 * interval) for _ in range(3)]
        assert kept == [True, True, False]
        assert time_that_sleep_moves.now == pytest.approx(0.9 * interval)

    async def test_can_be_slowed_down(self, limit, time_that_sleep_moves):
        slow_down(Count(limit, "ann"), 1)
        assert await keep_pace(Count(limit, "ann"))
        assert time_that_sleep_moves.now == 0
        assert await keep_pace(Count(limit, "ann"))
        assert time_that_sleep_moves.now > 0

    async def test_is_each_ones_own(self, limit, time_that_sleep_moves):
        for who in ("ann", "bob"):
            slow_down(Count(limit, who), 1)
            await keep_pace(Count(limit, who))
        assert time_that_sleep_moves.now == 0

    async def test_of_zero_is_none(self, limit, time_that_sleep_moves, settings):
        setattr(settings, limit.variable, 0)
        slow_down(Count(limit, "ann"), 5)
        assert all([await keep_pace(Count(limit, "ann")) for _ in range(1000)])
        assert time_that_sleep_moves.now == 0


class TestProcesses:
    """Two counters on one Redis are two processes."""

    @pytest.fixture
    def own_redis(self) -> Iterator[Redis]:
        with Redis() as running:
            yield running

    def processes(self, url: str) -> tuple[Counter, Counter]:
        def process() -> Counter:
            client: Any = Client.from_url(url, socket_timeout=10, socket_connect_timeout=10)
            return Counter(Buckets(), SharedBuckets(client))

        return process(), process()

    @pytest.fixture
    def two(self, redis_url) -> Iterator[tuple[Counter, Counter]]:
        made = self.processes(redis_url)
        yield made
        for counter in made:
            counter.close()

    @every_rate
    def test_count_together(self, limit, two, settings):
        let_through(settings, limit, 20)
        limit = slowly(limit)
        one, other = two
        if limit.is_joined:
            # Each by itself at first: a second later they know of each other.
            assert [taken(counter, limit, tries=11) for counter in two] == [11, 11]
            for _ in range(2):
                for counter in two:
                    counter.join()
                    taken(counter, limit, tries=1)
            assert [taken(one, limit), taken(other, limit)] == [0, 0]
        else:
            through = [taken(one, limit, tries=15), taken(other, limit), taken(one, limit)]
            assert through == [15, 5, 0]
        assert taken(other, limit, "bob", tries=30) == 20

    def test_exchange_thousands_of_counts(self, two, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 10
        one, other = two
        for counter in two:
            counter.close()  # they exchange when they are told to, below
        for person in range(1500):
            taken(one, SLOW, person, tries=7)
            taken(other, SLOW, person, tries=1)
        for counter in two:
            counter.join()
        assert {taken(other, SLOW, person, tries=5) for person in (0, 499, 500, 1499)} == {2}

    def test_hear_of_each_other_within_about_a_second_without_being_asked(self, two, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 100_000
        one, other = two
        one.add(Count(SLOW, "ann"), 99_990)  # as if it had been let through, and told
        through = 0

        def is_refused() -> bool:
            nonlocal through
            through += taken(other, SLOW, tries=1)
            return self.waits(other) > 0

        wait_until(is_refused, seconds=10)
        assert through < 1000

    def test_that_heard_of_a_flood_are_over_it_within_a_window(self, two, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 60
        for counter in two:
            counter.close()
            taken(counter, SLOW, tries=60)
        for counter in two:
            counter.join()
            assert 0 < self.waits(counter) <= SLOW.window_seconds / 60 + 1

    def test_go_on_alone_and_without_waiting_while_redis_is_away(self, own_redis, settings):
        one, other = self.processes(own_redis.url)
        rows = [slowly(limit) for limit in RATES]
        for limit in rows:
            let_through(settings, limit, 3)
            taken(one, limit, tries=2)
        own_redis.kill()
        asked: list[object] = []
        for counter in (one, other):
            counter.wait(Count(SLOW, "ann"))  # finds out
            assert counter.shared is not None
            counter.shared.take = asked.append  # type: ignore[method-assign,assignment]
            for limit in rows:
                assert taken(counter, limit, "bob") == 3
            counter.join()
            counter.close()
        assert asked == []

    def test_give_back_and_forget_for_all(self, two, settings):
        limit = slowly(next(limit for limit in RATES if not limit.is_joined))
        let_through(settings, limit, 2)
        one, other = two
        taken(one, limit)
        other.add(Count(limit, "ann"), -1)
        assert taken(one, limit) == 1
        assert one.wait(Count(limit, "ann")) > 0
        other.forget(Count(limit, "ann"))
        assert taken(one, limit) == 2

    def test_take_of_several_rows_all_or_nothing(self, two, settings):
        first, second = [slowly(limit) for limit in RATES if not limit.is_joined][:2]
        let_through(settings, first, 5)
        let_through(settings, second, 1)
        one, other = two
        both = [Count(first, "ann"), Count(second, "ann")]
        one.take(both)
        for _ in range(3):
            with pytest.raises(TooManyError, match=str(second.said)):
                one.take(both)
        assert taken(other, first) == 4

    def waits(self, counter: Counter) -> float:
        charge = Count(SLOW, "ann").charge
        assert charge
        return counter.own.wait(charge)


def routes(patterns: list[Any], below: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = below + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


@pytest.mark.embedded
class TestDoors:
    def test_each_address_stands_under_a_row_or_says_why_not(self):
        """Staff's own pages are left alone."""
        found = dict(routes(get_resolver().url_patterns))
        unruled = {path for path, view in found.items() if not getattr(view, "rules", None)}
        assert {path for path in unruled if not path.startswith("admin/")} == set()
        rules = {rule for view in found.values() for rule in getattr(view, "rules", {}).values()}
        assert all(isinstance(rule, Limit | Unlimited) for rule in rules)

    def test_each_frame_stands_under_a_row_or_says_why_not(self):
        yaml = needs.module("yaml")
        contract = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
        references = contract["operations"]["fromClient"]["messages"]
        frames = {reference["$ref"].rpartition("/")[2] for reference in references}
        assert frames == REQUESTS.keys() | OTHER_FRAMES.keys()
        for request in REQUESTS.values():
            assert isinstance(rule_of(request), Limit)

    def test_an_undeclared_function_is_no_route(self):
        def silent(user, fields, file=None):
            return {}

        for make in (lambda: route(get=silent), lambda: upload_route(silent)):
            with pytest.raises(TypeError, match="limit"):
                make()

    def test_each_row_is_used_somewhere(self):
        code = "".join(
            file.read_text()
            for file in (ROOT / "chat").rglob("*.py")
            if file.name not in {"table.py", "document.py"}
        )
        names = {
            line.partition(" = ")[0]
            for line in (ROOT / "chat/limits/table.py").read_text().splitlines()
            if " = Limit(" in line
        }
        assert len(names) == len(TABLE)
        assert {name for name in names if code.count(name) < 2} == {"UPLOAD_MEGABYTES"}

    def test_two_ways_of_a_frame_stand_under_one_row(self):
        assert rule_of(messages.send_message) is OTHER_FRAMES["message.send"]
        assert rule_of(messages.list_changes) is rule_of(REQUESTS["chat.sync"])


IDS = {"chat_id": 1, "attachment_id": uuid.uuid4(), "sign_in_id": 1, "form": "csv", "token": "x"}
RULED_PAGES = [
    pytest.param(pattern, method, rule, id=f"{method} {pattern.pattern}")
    for pattern in pages
    for method, rule in vars(pattern.callback)["rules"].items()
    if isinstance(rule, Limit)
]


@pytest.mark.embedded
@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize(("pattern", "method", "rule"), RULED_PAGES)
    def test_are_held_to_their_row(self, pattern, method, rule, ann, bob, settings):
        setattr(settings, rule.variable, 1)
        names = pattern.pattern.converters
        path = "/" + pattern.pattern._route
        for name in names:
            path = path.replace(f"<{type_of(names[name])}:{name}>", str(IDS[name]))
        statuses = []
        for person in (ann, ann, bob):
            answer = people.browser_of(person).generic(method, path)
            statuses.append(answer.status_code == 429)
            if answer.status_code == 429:
                assert str(rule.said) in answer.content.decode()
                assert int(answer["Retry-After"]) >= 1
        assert statuses == [False, True, False]


def type_of(converter: object) -> str:
    return type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")


FRAMES: dict[str, dict[str, Any]] = {
    "message.send": {"chat_id": 1, "content": "x", "client_message_id": str(uuid.uuid4())},
    "message.edit": {"message_id": 1, "content": "x"},
    "message.delete": {"message_id": 1},
    "reaction.set": {"message_id": 1, "emoji": "👍", "on": True},
    "chat.sync": {"chat_id": 1, "revision": 0},
    "chat.history": {"chat_id": 1},
}


class TestFrames:
    @pytest.mark.parametrize("name", FRAMES)
    async def test_are_held_to_their_row_on_all_sockets_of_a_person(
        self, name, connect, ann, bob, settings
    ):
        rule = OTHER_FRAMES.get(name) or rule_of(REQUESTS[name])
        assert isinstance(rule, Limit)
        setattr(settings, rule.variable, 1)
        sockets = [await connect(ann), await connect(ann), await connect(bob)]
        answers = [await socket.ask(name, **FRAMES[name]) for socket in sockets]
        assert [answer.get("code") == "too_many" for answer in answers] == [False, True, False]
        assert answers[1]["retry_after"] > 0
        assert answers[1]["detail"].startswith(str(rule.said))

    async def test_and_requests_are_counted_together(self, connect, ann, settings):
        settings.LIMIT_EDITS_PER_MINUTE = settings.LIMIT_MESSAGES_PER_MINUTE = 1
        socket = await connect(ann)
        await socket.ask("message.edit", **FRAMES["message.edit"])
        await socket.ask("message.send", **FRAMES["message.send"])

        def ask(method: str, path: str, body: dict[str, Any]) -> int:
            browser = people.browser_of(ann)
            answer = browser.generic(
                method, path, json.dumps(body), content_type="application/json"
            )
            return answer.status_code

        assert await in_thread(ask, "PATCH", "/api/messages/1", {"content": "x"}) == 429
        sent = {"content": "x", "client_message_id": str(uuid.uuid4())}
        assert await in_thread(ask, "POST", "/api/chats/1/messages", sent) == 429


def from_address(address: str) -> Any:
    async def application(scope, receive, send):
        await websocket_application({**scope, "client": [address, 5000]}, receive, send)

    return application


async def refused(person: Any, **options: Any) -> int:
    """The code with which one more socket is closed."""
    socket = ChatSocket(await in_thread(people.session_cookie, person), **options)
    await socket.shake_hands()
    return await socket.closed()


class TestSockets:
    async def test_of_a_person_are_so_many_at_once(self, connect, ann, bob, settings):
        settings.LIMIT_SOCKETS_PER_PERSON = 2
        first, _ = await connect(ann), await connect(ann)
        assert await refused(ann) == 4429
        await connect(bob)
        await first.leave()
        await connect(ann)

    async def test_of_an_address_are_so_many_at_once(self, connect, ann, bob, settings):
        settings.LIMIT_SOCKETS_PER_ADDRESS = 2
        here, elsewhere = from_address("192.0.2.1"), from_address("192.0.2.2")
        first = await connect(ann, application=here)
        await connect(bob, application=here)
        assert await refused(bob, application=here) == 4429
        await connect(bob, application=elsewhere)
        await first.leave()
        await connect(bob, application=here)

    async def test_of_one_network_of_ipv6_are_one_addresses(self, connect, ann, settings):
        settings.LIMIT_SOCKETS_PER_ADDRESS = 1
        await connect(ann, application=from_address("2001:db8:1:2::1"))
        assert await refused(ann, application=from_address("2001:db8:1:2:ffff::9")) == 4429
        await connect(ann, application=from_address("2001:db8:1:3::1"))

    async def test_of_a_session_are_opened_so_many_a_minute_and_the_next_waits_for_its_turn(
        self, connect, ann, bob, settings, time_that_sleep_moves
    ):
        settings.LIMIT_SOCKETS_OPENED_PER_MINUTE = 60
        cookie = await in_thread(people.session_cookie, ann)
        for _ in range(20):
            await (await ChatSocket(cookie).open()).leave()
        assert time_that_sleep_moves.now == 0
        await ChatSocket(cookie).open()
        assert time_that_sleep_moves.now == 1
        await connect(ann)  # with another session
        await connect(bob)
        assert time_that_sleep_moves.now == 1

    @pytest.mark.parametrize(("code", "waits"), [(1001, 0), (PROTOCOL_ERROR, MAX_WAIT_SECONDS)])
    async def test_that_had_to_be_cut_off_come_back_later(
        self, ann, live, settings, time_that_sleep_moves, code, waits
    ):
        settings.LIMIT_SOCKETS_OPENED_PER_MINUTE = 30
        cookie = await in_thread(people.session_cookie, ann)
        for _ in range(2):
            socket = await ChatSocket(cookie).open()
            await socket.communicator.send_input({"type": "websocket.disconnect", "code": code})
            await socket.communicator.wait(timeout=10)
        with suppress(Closed):
            await (await ChatSocket(cookie).open()).leave()
        assert time_that_sleep_moves.now == waits

    async def test_whose_turn_is_too_far_off_are_refused_before_anybody_looks_who_it_is(
        self, ann, live, settings, time_that_sleep_moves, monkeypatch
    ):
        settings.LIMIT_SOCKETS_OPENED_PER_MINUTE = 3
        cookie = await in_thread(people.session_cookie, ann)
        first = await ChatSocket(cookie).open()
        monkeypatch.setattr("chat.live.routing.get_user", lambda request: pytest.fail("looked"))
        monkeypatch.setattr(live_runtime, "signed_in", lambda keys: pytest.fail("looked"))
        second = ChatSocket(cookie)
        await second.shake_hands()
        assert await second.closed() == 4429
        assert time_that_sleep_moves.now == MAX_WAIT_SECONDS
        await first.leave()

    async def test_that_come_at_once_are_greeted_one_after_the_other(
        self, connect, ann, bob, monkeypatch
    ):
        reading, together, asked = set(), [], []

        def noting(look: Any) -> Any:
            def look_and_note(who: Any) -> Any:
                me = object()
                reading.add(me)
                together.append(len(reading))
                asked.extend(who)
                try:
                    return look(who)
                finally:
                    reading.discard(me)

            return look_and_note

        for name in ("signed_in", "rooms_of", "standings_of"):
            monkeypatch.setattr(live_runtime, name, noting(getattr(live_runtime, name)))
        monkeypatch.setattr("chat.database.threads.OneByOne.MAX_SECONDS", 3600)
        await asyncio.gather(*(connect(one) for one in (ann, bob) * 5))
        # Some of them together, but one such read at a time.
        assert set(together) == {1}
        assert len(asked) == 3 * 10

    async def test_say_why_they_are_closed(self, ann, live, settings):
        settings.LIMIT_SOCKETS_PER_PERSON = 1
        settings.LIMIT_SOCKETS_PER_ADDRESS = 0
        cookie = await in_thread(people.session_cookie, ann)
        first, second = ChatSocket(cookie), ChatSocket(cookie)
        await first.open()
        await second.shake_hands()
        assert await second.closed() == 4429
        (said,) = second.seen
        assert (said["type"], said["reason"]) == ("goodbye", "too_many")
        assert "open in too many places" in said["detail"]
        assert said["retry_after"] > 0
        await first.leave()

    async def test_limits_of_zero_are_none(self, connect, ann, settings):
        settings.LIMIT_SOCKETS_PER_PERSON = settings.LIMIT_SOCKETS_PER_ADDRESS = 0
        settings.LIMIT_SOCKETS_OPENED_PER_MINUTE = 0
        for _ in range(70):
            await connect(ann)


@pytest.mark.django_db(transaction=True)
class TestSocketsOfAllProcesses:
    @pytest.fixture
    def client(self, redis_url) -> Iterator[Client]:
        with Client.from_url(redis_url, socket_timeout=10, socket_connect_timeout=10) as client:
            yield client

    def process(self, client: Any) -> SocketPlaces:
        return SocketPlaces(client)

    async def opened(self, places: SocketPlaces, tries: int) -> list[Place]:
        made = [Place(1, "192.0.2.1") for _ in range(tries)]
        return [place for place in made if await places.take(place, runtime().threads) is None]

    async def test_count_together(self, client, live, settings):
        settings.LIMIT_SOCKETS_PER_PERSON = 3
        one, other = self.process(client), self.process(client)
        held = await self.opened(one, 2)
        assert (len(held), len(await self.opened(other, 5))) == (2, 1)
        one.give_up(held[0])
        one.tell()
        assert len(await self.opened(other, 5)) == 1
        for places in (one, other):
            places.close()

    async def test_those_of_a_killed_process_are_forgotten(
        self, client, live, settings, monkeypatch
    ):
        monkeypatch.setattr("chat.limits.sockets.LEASE_SECONDS", 1)
        settings.LIMIT_SOCKETS_PER_PERSON = 2
        killed, other = self.process(client), self.process(client)
        await self.opened(killed, 2)
        killed._shared = None  # it tells nothing any more

        async def wait() -> None:
            while not await self.opened(other, 1):
                pass

        await asyncio.wait_for(wait(), 30)
        for places in (killed, other):
            places.close()

    async def test_are_told_again_when_redis_has_lost_them(self, client, live, settings):
        settings.LIMIT_SOCKETS_PER_PERSON = 3
        one, other = self.process(client), self.process(client)
        await self.opened(one, 2)
        client.flushdb()
        for _ in range(2):
            one.tell()
        assert len(await self.opened(other, 5)) == 1
        for places in (one, other):
            places.close()

    async def test_go_on_alone_while_redis_is_away(self, live, settings):
        settings.LIMIT_SOCKETS_PER_PERSON = 2
        with Redis() as own:
            client: Any = Client.from_url(own.url, socket_timeout=10, socket_connect_timeout=10)
            places = self.process(client)
            await self.opened(places, 1)
            own.kill()
            assert len(await self.opened(places, 5)) == 1
            places.close()


@pytest.mark.embedded
@pytest.mark.django_db
class TestAtOnce:
    def at_once(self, person, path: str, *, requests: int) -> list[int]:
        """The statuses of so many requests, each begun while the ones before are answered."""
        statuses: list[int] = []

        def view(request):
            if len(begun) < requests:
                ask()
            return HttpResponse("done")

        begun: list[object] = []
        middleware = AtOnceMiddleware(view)

        def ask() -> None:
            request = RequestFactory().get(path)
            request.user = person
            request.COOKIES["sessionid"] = "x"
            begun.append(request)
            statuses.append(middleware(request).status_code)

        ask()
        assert not middleware.held.counts, "all of them were let go"
        return sorted(statuses)

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/api/chats", "LIMIT_REQUESTS_AT_ONCE"),
            ("/profile", "LIMIT_REQUESTS_AT_ONCE"),
            ("/attachments/x", "LIMIT_DOWNLOADS_AT_ONCE"),
        ],
    )
    def test_are_so_many_and_no_more(self, path, name, ann, settings):
        setattr(settings, name, 3)
        assert self.at_once(ann, path, requests=4) == [200, 200, 200, 429]
        assert self.at_once(ann, path, requests=3) == [200, 200, 200]
        setattr(settings, name, 0)
        assert self.at_once(ann, path, requests=20) == [200] * 20

    def test_of_staffs_pages_are_not_counted(self, ann, settings):
        settings.LIMIT_REQUESTS_AT_ONCE = 1
        assert self.at_once(ann, "/admin/chat/user/", requests=3) == [200] * 3

    def test_say_when_to_come_back(self, ann, settings):
        settings.LIMIT_REQUESTS_AT_ONCE = 1
        middleware = AtOnceMiddleware(lambda request: None)  # type: ignore[arg-type,return-value]
        request = RequestFactory().get("/api/chats")
        request.user = ann
        request.COOKIES["sessionid"] = "x"
        middleware.held.hold(f"requests_at_once:{ann.pk}", most=0)
        answer = middleware(request)
        assert (answer.status_code, answer["Retry-After"]) == (429, "1")


@pytest.mark.django_db
class TestStrangers:
    def ask(self, person, other) -> int:
        body = {"user_id": other.pk}
        browser = people.browser_of(person)
        answer = browser.post("/api/chats/direct", body, content_type="application/json")
        return answer.status_code

    def test_are_so_many_an_hour_and_acquaintances_are_not_counted(self, ann, bob, chat, settings):
        settings.LIMIT_STRANGERS_PER_HOUR = 2
        strangers = people.make_people("c", "d", "e")
        assert [self.ask(ann, one) for one in strangers] == [200, 200, 429]
        assert self.ask(ann, bob) == 200  # they share a group
        assert self.ask(ann, strangers[0]) == 200  # and by now this one is known
        assert self.ask(bob, strangers[2]) == 200


@pytest.mark.django_db
class TestKept:
    def test_wordings_of_a_message_are_the_newest(self, ann, chat, settings):
        settings.LIMIT_WORDINGS_PER_MESSAGE = 3
        message = people.post_text(chat, ann, "0")
        for number in range(1, 8):
            edit_message(actor=ann, message_id=message.pk, content=str(number))
        kept = MessageEdit.objects.order_by("pk").values_list("content", flat=True)
        assert list(kept) == ["4", "5", "6"]
        settings.LIMIT_WORDINGS_PER_MESSAGE = 0
        for number in range(8, 12):
            edit_message(actor=ann, message_id=message.pk, content=str(number))
        assert MessageEdit.objects.count() == 7

    def test_files_of_a_person_have_so_much_room(self, ann, bob, chat, settings, tmp_path):
        def store(person) -> Attachment:
            file = SimpleUploadedFile("a.txt", b"x" * 400_000)
            return store_upload(uploader=person, chat_id=chat.pk, file=file)

        settings.MEDIA_ROOT = str(tmp_path)
        settings.LIMIT_STORED_MEGABYTES = 1
        first, _ = store(ann), store(ann)
        with pytest.raises(TooLargeError, match=r"1 of your 1 MB.*Delete messages with files"):
            store(ann)
        store(bob)
        first.delete()
        store(ann)
        settings.LIMIT_STORED_MEGABYTES = 0
        for _ in range(3):
            store(ann)


@pytest.mark.embedded
class TestHotPath:
    async def test_sending_asks_no_redis_on_the_loop(self, connect, ann, chat, monkeypatch):
        """A process decides by its own count: the shared one may take as long as it likes."""
        asked: list[object] = []

        class Frozen:
            is_resting = False
            take = wait = forget = clear = asked.append

            def add(self, charges):
                asked.append(charges)
                return [0.0] * len(charges)

        counter = Counter(Buckets(), Frozen())  # type: ignore[arg-type]
        counter._soon.ask = lambda: None  # type: ignore[method-assign]
        use_counter(counter)
        socket = await connect(ann)
        for _ in range(5):
            assert (await socket.say(chat.pk, "x"))["type"] == "reply"
        assert asked == []
        counter.join()
        assert asked == [[(Count(MESSAGES, ann.pk).charge, 5)]]


def test_soon_does_its_work_once_a_second_at_most():
    done: list[int] = []
    soon = Soon("test", lambda: done.append(1), lambda error: None, after_seconds=0.2)
    for _ in range(1000):
        soon.ask()
    wait_until(lambda: bool(done), seconds=10)
    assert len(done) == 1
    soon.close()
