"""How a socket ends: signed out, too much, too slow; and that nothing else ends it."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session

from chat.limits.doors import under
from chat.limits.table import PAGES
from chat.live.hub import sockets as chat_sockets
from chat.live.runtime import runtime
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.processes import DEADLINE
from tests.support.sockets import ChatSocket

COOKIE = settings.SESSION_COOKIE_NAME


@pytest.fixture
async def world(live):
    def make():
        ann, bob = people.make_people("ann", "bob")
        return ann, bob, people.make_group(ann, bob)

    return await in_thread(make)


class TestSignedOut:
    async def test_by_signing_out_in_the_browser(self, connect, world):
        ann, bob, chat = world
        browser = await in_thread(people.browser_of, ann)
        cookie = f"{COOKIE}={browser.cookies[COOKIE].value}"
        socket = await ChatSocket(cookie).open()
        elsewhere, at_bobs = await connect(ann), await connect(bob)
        await in_thread(browser.post, "/sign-out")
        assert await socket.closed() == 4401
        # Another browser of the same person stays signed in.
        await at_bobs.say(chat.pk, "still there?")
        await elsewhere.message("still there?")
        assert all("still there?" not in str(line) for line in socket.seen)

    async def test_by_a_new_password(self, connect, world):
        ann, bob, chat = world

        def change():
            ann.set_password("a new long password")
            ann.save()

        sockets = [await connect(ann), await connect(ann)]
        at_bobs = await connect(bob)
        await in_thread(change)
        for socket in sockets:
            assert await socket.closed() == 4401
        await at_bobs.say(chat.pk, "secret")
        assert all("secret" not in str(line) for socket in sockets for line in socket.seen)

    async def test_by_a_ban(self, connect, world):
        ann, bob, chat = world
        socket, at_anns = await connect(bob), await connect(ann)
        await in_thread(people.ban, bob)
        assert await socket.closed() == 4401
        await at_anns.say(chat.pk, "secret")
        assert all("secret" not in str(line) for line in socket.seen)

    async def test_by_the_end_of_the_session(self, connect, world):
        ann, *_ = world
        socket = await connect(ann)

        def end_all():
            for session in Session.objects.all():
                session.delete()

        await in_thread(end_all)
        assert await socket.closed() == 4401

    async def test_is_found_by_the_watch_when_nobody_said_so(self, connect, world):
        """Changed behind the signals' back, or the event was lost."""
        ann, bob, _ = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await in_thread(Session.objects.all().delete)

        def sign_in_again():
            return people.session_cookie(bob)

        cookie = await in_thread(sign_in_again)
        fresh = await ChatSocket(cookie).open()
        await runtime().watch.recheck(set(runtime().hub.people))
        assert await at_anns.closed() == 4401
        assert await at_bobs.closed() == 4401
        assert (await fresh.ask("ping"))["type"] == "reply"
        await fresh.leave()

    async def test_is_not_what_a_sign_in_elsewhere_does(self, connect, world):
        ann, *_ = world
        socket = await connect(ann)
        browser = await in_thread(people.browser_of, None)
        await in_thread(browser.force_login, ann)
        await runtime().watch.recheck({ann.pk})
        assert (await socket.ask("ping"))["type"] == "reply"

    async def test_of_one_goes_on_though_another_connection_is_broken(self, connect, world):
        ann, bob, _ = world
        broken, socket = await connect(ann), await connect(bob)

        async def fail(message):
            raise ConnectionResetError

        (own,) = runtime().hub.people[ann.pk]
        own._send = own._close = fail
        runtime().hub.put(own, "a line")
        await in_thread(people.ban, ann)
        await in_thread(people.ban, bob)
        await runtime().watch.recheck([ann.pk, bob.pk])
        assert await socket.closed() == 4401
        assert broken.close_code is None


class TestRecheck:
    async def test_that_meets_a_database_that_is_away_is_done_when_it_is_back(
        self, connect, world, monkeypatch
    ):
        from chat.reads import sessions
        from messaging.away import DatabaseAwayError

        look, away = sessions.holding, [True]

        def fail_once(sign_ins):
            if away:
                away.clear()
                raise DatabaseAwayError("away")
            return look(sign_ins)

        monkeypatch.setattr(sessions, "holding", fail_once)
        ann, *_ = world
        socket = await connect(ann)
        await in_thread(people.ban, ann)
        assert await socket.closed(seconds=5) == 4401

    async def test_takes_people_out_of_chats_they_are_no_longer_in(self, connect, world):
        """The event was lost: the layer was away."""
        ann, bob, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await in_thread(lambda: _lose_events(lambda: people.remove(chat, bob)))
        await runtime().watch.recheck({bob.pk})
        assert (await at_bobs.next("chat.removed"))["chat_id"] == chat.pk
        await at_anns.say(chat.pk, "secret")
        await at_bobs.everything_until_now()
        assert all("secret" not in str(line) for line in at_bobs.seen)

    async def test_leaves_people_in_a_chat_that_they_join_meanwhile(
        self, connect, world, monkeypatch
    ):
        from chat.reads import sessions

        look = sessions.chats_of

        def look_then_join(user_ids):
            found = look(user_ids)
            people.make_group(ann, bob, title="Meanwhile")
            return found

        monkeypatch.setattr(sessions, "chats_of", look_then_join)
        ann, bob, _ = world
        at_bobs = await connect(bob)
        await runtime().watch.recheck({bob.pk})
        await at_bobs.next("chat.created")
        await at_bobs.everything_until_now()
        assert "chat.removed" not in [line["type"] for line in at_bobs.seen]

    async def test_puts_people_into_chats_that_they_were_not_told_of(self, connect, world):
        ann, bob, _ = world
        at_anns, at_bobs = await connect(ann), await connect(bob)

        def make():
            chat = people.make_group(ann, bob, title="Unheard of")
            people.post(chat, ann, "hello?")
            return chat

        chat = await in_thread(lambda: _lose_events(make))
        await runtime().watch.recheck({ann.pk, bob.pk})
        for socket in (at_anns, at_bobs):
            created = await socket.next("chat.created")
            assert (created["chat"]["id"], created["chat"]["last_seq"]) == (chat.pk, 1)
        await at_anns.say(chat.pk, "now")
        await at_bobs.message("now")


def _lose_events(change):
    """As when the layer loses what another process says."""
    from chat.events import hub_commands as fanout

    publish = fanout._hub_of_this_process
    fanout.use_hub(lambda events: None)
    try:
        return change()
    finally:
        fanout.use_hub(publish)


class TestTooMuch:
    async def test_frames_wait_and_none_is_refused(
        self, connect, world, settings, time_that_sleep_moves
    ):
        settings.LIMIT_FRAMES_PER_SECOND = 1
        ann, *_ = world
        socket = await connect(ann)
        for n in range(500):
            await socket.send("ping", request_id=f"{n}")
        answers = [await socket.answer(f"{n}") for n in range(500)]
        assert {answer["type"] for answer in answers} == {"reply"}
        assert time_that_sleep_moves.now == 499

    async def test_frames_have_one_pace_on_all_sockets_of_a_person(
        self, connect, world, settings, time_that_sleep_moves
    ):
        settings.LIMIT_FRAMES_PER_SECOND = 1
        ann, bob, _ = world
        one, two = await connect(ann), await connect(ann)
        await one.ask("ping")
        await (await connect(bob)).ask("ping")
        assert time_that_sleep_moves.now == 0
        await two.ask("ping")
        assert time_that_sleep_moves.now == 1

    async def test_pages_wait_for_their_turn_and_are_refused_when_it_is_far_off(
        self, connect, world, settings, time_that_sleep_moves
    ):
        settings.LIMIT_PAGES_PER_MINUTE = 20  # two at once, and one in three seconds
        ann, _, chat = world
        socket = await connect(ann)
        for _ in range(3):
            assert (await socket.ask("chat.history", chat_id=chat.pk))["type"] == "reply"
        assert time_that_sleep_moves.now == 3
        settings.LIMIT_PAGES_PER_MINUTE = 6  # one in ten seconds
        await socket.ask("chat.history", chat_id=chat.pk)
        waited = time_that_sleep_moves.now
        refused = await socket.ask("chat.history", chat_id=chat.pk)
        assert refused["code"] == "too_many"
        assert refused["retry_after"] > 5
        assert time_that_sleep_moves.now == waited

    async def test_refused_frames_count_as_several(
        self, connect, world, settings, time_that_sleep_moves
    ):
        settings.LIMIT_FRAMES_PER_SECOND = 10
        ann, *_ = world
        socket = await connect(ann)
        for _ in range(2):
            await socket.send_text("nonsense")
        await socket.ask("ping")
        assert time_that_sleep_moves.now == pytest.approx(0.1)
        for _ in range(3):
            await socket.send_text("nonsense")
        await socket.ask("ping")
        assert time_that_sleep_moves.now == pytest.approx(1.7)

    async def test_that_goes_on_is_closed_though_some_frames_are_good(
        self, connect, world, settings
    ):
        settings.LIMIT_FRAMES_PER_SECOND = 0
        ann, *_ = world
        socket = await connect(ann)
        for _ in range(200):
            await socket.send("ping")
            for _ in range(3):
                await socket.send_text("nonsense")
        assert await socket.closed() == 4429

    async def test_does_nothing_any_more_when_it_is_closed(self, connect, world, settings):
        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
        ann, _, chat = world
        socket = await connect(ann)
        for _ in range(400):
            await socket.send_text("nonsense")
        await socket.send(
            "message.send",
            chat_id=chat.pk,
            content="after the end",
            client_message_id=str(uuid.uuid4()),
        )
        assert await socket.closed() == 4429
        assert not await in_thread(chat.messages.exists)

    async def test_messages_are_refused_for_the_person_on_all_sockets(
        self, connect, world, settings
    ):
        settings.LIMIT_FRAMES_PER_SECOND, settings.LIMIT_MESSAGES_PER_MINUTE = 0, 3
        ann, bob, chat = world
        one, two, at_bobs = await connect(ann), await connect(ann), await connect(bob)
        answers = [await socket.say(chat.pk, "x") for socket in (one, two, one, two)]
        assert [answer["type"] for answer in answers] == ["reply", "reply", "reply", "error"]
        assert answers[3]["code"] == "too_many"
        assert answers[3]["retry_after"] > 0
        assert (await at_bobs.say(chat.pk, "x"))["type"] == "reply"
        assert await in_thread(chat.messages.count) == 4

    async def test_limits_of_zero_are_none(self, connect, world, settings):
        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
        ann, _, chat = world
        socket = await connect(ann)
        for n in range(300):
            await socket.send(
                "message.send",
                request_id=f"{n}",
                chat_id=chat.pk,
                content="x",
                client_message_id=str(uuid.uuid4()),
            )
        for n in range(300):
            assert (await socket.answer(f"{n}"))["type"] == "reply"

    async def test_waiting_actions_are_bounded(self, connect, world, settings, monkeypatch):
        import threading

        from chat.live import frames

        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_PAGES_PER_MINUTE = 0
        ann, _, chat = world
        go_on = threading.Event()

        @under(PAGES)
        def wait(user, frame):
            go_on.wait(DEADLINE)
            return {}

        monkeypatch.setitem(frames.REQUESTS, "chat.sync", wait)
        socket = await connect(ann)
        for n in range(80):
            await socket.send("chat.sync", request_id=f"{n}", chat_id=chat.pk, revision=0)
        error = await socket.next("error")
        assert error["code"] == "too_many"
        go_on.set()
        answers = [await socket.answer(f"{n}") for n in range(60)]
        assert {answer["type"] for answer in answers} == {"reply"}


class TestTooSlow:
    @pytest.fixture(autouse=True)
    def small_figures(self, monkeypatch):
        monkeypatch.setattr(chat_sockets, "ASK_AFTER_BYTES", 2_000)
        monkeypatch.setattr(chat_sockets, "MAX_UNHEARD_BYTES", 20_000)

    async def test_a_browser_that_reads_nothing_is_asked_then_closed(
        self, connect, world, monkeypatch
    ):
        monkeypatch.setattr("chat.live.watch.HEADS_SECONDS", (0.05, 0.06))
        ann, bob, chat = world
        silent, at_bobs = await connect(ann), await connect(bob)

        async def talk():
            for n in range(200):
                await in_thread(people.post, chat, bob, f"{n} " + "x" * 1000)
                await at_bobs.ask("ping")
                if silent.communicator.output_queue.qsize() > 100:
                    return

        talking = asyncio.create_task(talk())
        assert await silent.closed() == 4408
        talking.cancel()
        assert "heads" in [line["type"] for line in silent.seen]
        assert (await at_bobs.ask("ping"))["type"] == "reply"
        assert not runtime().hub.people.get(ann.pk)

    async def test_a_browser_that_answers_stays(self, connect, world, monkeypatch):
        monkeypatch.setattr("chat.live.watch.HEADS_SECONDS", (0.05, 0.06))
        ann, bob, chat = world
        socket = await connect(ann)
        for n in range(40):
            await in_thread(people.post, chat, bob, f"{n} " + "x" * 1000)
            await socket.message(f"{n} " + "x" * 1000)
            await socket.ask("ping")
        assert socket.close_code is None

    async def test_a_silent_browser_is_closed(self, connect, world, monkeypatch):
        monkeypatch.setattr("chat.live.watch.HEADS_SECONDS", (0.05, 0.06))
        ann, *_ = world
        socket = await connect(ann)
        # Only now: on a busy machine even its welcome may take longer.
        monkeypatch.setattr(chat_sockets, "MAX_SILENT_SECONDS", 0.3)
        assert await socket.closed() == 4408


class TestHeads:
    async def test_are_sent_for_all_of_ones_chats(self, connect, world, monkeypatch):
        monkeypatch.setattr("chat.live.watch.HEADS_SECONDS", (0.05, 0.06))
        ann, bob, chat = world
        await in_thread(people.post, chat, bob)
        other = await in_thread(people.make_group, bob)
        socket = await connect(ann)
        # The first may be sent before it is known which chats are theirs.
        heads = await socket.next("heads", where=lambda line: line["heads"])
        assert heads == {"type": "heads", "heads": {str(chat.pk): 1}}
        assert str(other.pk) not in heads["heads"]


def test_the_watch_has_its_figures():
    """Silence is longer than the rounds in which a browser is asked."""
    from chat.live import watch

    assert 2 * max(watch.HEADS_SECONDS) < chat_sockets.MAX_SILENT_SECONDS
    assert watch.RECHECK_EVERYONE_SECONDS < 60
