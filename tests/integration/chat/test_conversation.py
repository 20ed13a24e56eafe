"""What people say reaches those who are there, in order, once, and nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any, NoReturn

import pytest
from django.conf import settings
from django.test import override_settings

from chat.live import runtime as live_runtime
from chat.live.hub.sockets import Socket
from chat.live.runtime import is_draining, runtime, stop_runtime
from chat.live.welcome import welcome
from chat.reads.newcomers import standings_of
from chat.services.chats import chats
from chat.services.cursors.published import mark_published
from messaging.away import DatabaseAwayError
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.sockets import ChatSocket, Closed

COOKIE = settings.SESSION_COOKIE_NAME
SMALL = "chat.services.cursors.receipts.SMALL_CHAT_MEMBERS"


@pytest.fixture
async def world(live):
    def make():
        ann, bob, eve = people.make_people("ann", "bob", "eve")
        return ann, bob, eve, people.make_group(ann, bob)

    return await in_thread(make)


def revisions(socket, chat) -> list[int]:
    """Of the chat's events, as they came."""
    return [
        line["revision"]
        for line in socket.seen
        if line.get("chat_id") == chat.pk and line["type"].startswith("message.")
    ]


class TestWelcome:
    async def test_comes_first_and_says_how_everything_stands(self, connect, world):
        ann, bob, _, chat = world
        await in_thread(people.post, chat, bob, "one")
        direct = await in_thread(people.make_direct, ann, bob)
        socket = await connect(ann)
        welcome = socket.welcome
        assert (welcome["type"], welcome["protocol"]) == ("welcome", 1)
        assert welcome["user"] == {
            "id": ann.pk,
            "name": ann.name,
            "username": ann.username,
            "language": "en",
        }
        assert welcome["limits"] == {"content": 4000, "frame": 65536}
        assert welcome["time"].endswith("Z")
        assert [one["id"] for one in welcome["chats"]] == [chat.pk, direct.pk] or [
            one["id"] for one in welcome["chats"]
        ] == [direct.pk, chat.pk]
        group = next(one for one in welcome["chats"] if one["id"] == chat.pk)
        assert (group["last_seq"], group["revision"], group["unread"]) == (1, 1, 1)
        assert (group["kind"], group["role"], group["member_count"]) == ("group", "owner", 2)
        assert group["last_message"]["content"] == "one"

    async def test_comes_before_the_answers_to_early_frames(self, connect, world):
        ann, *_ = world
        socket = ChatSocket(await in_thread(people.session_cookie, ann))
        await socket.shake_hands()
        for n in range(5):
            await socket.send("ping", request_id=f"{n}")
        for n in range(5):
            await socket.answer(f"{n}")
        assert socket.seen[0]["type"] == "welcome"
        await socket.leave()

    async def test_misses_nothing_that_happens_while_it_is_read(self, connect, world, monkeypatch):
        """Saved after the welcome was read and told before it was written: it must follow."""
        ann, bob, _, chat = world

        def read_then_post(users):
            found = standings_of(users)
            people.post(chat, bob, "in between")
            return found

        monkeypatch.setattr(live_runtime, "standings_of", read_then_post)
        socket = await connect(ann)
        (listed,) = socket.welcome["chats"]
        event = await socket.message("in between")
        assert event["revision"] == listed["revision"] + 1

    @pytest.mark.parametrize("step", ["rooms_of", "standings_of"])
    async def test_lets_nobody_stay_who_is_removed_while_it_is_read(
        self, connect, world, monkeypatch, step
    ):
        ann, bob, _, chat = world
        read = getattr(live_runtime, step)
        done: list[bool] = []

        def read_then_remove(asked):
            found = read(asked)
            if not {bob, bob.pk}.isdisjoint(asked) and not done:
                done.append(True)
                people.remove(chat, bob)
            return found

        monkeypatch.setattr(live_runtime, step, read_then_remove)
        socket = await connect(bob)
        await in_thread(people.post, chat, ann, "not for bob")
        await asyncio.sleep(0)
        await socket.everything_until_now()
        assert "not for bob" not in json.dumps(socket.seen)

    @pytest.mark.parametrize("step", ["rooms_of", "standings_of"])
    async def test_lets_those_in_who_are_added_while_it_is_read(
        self, connect, world, monkeypatch, step
    ):
        ann, _, eve, chat = world
        read = getattr(live_runtime, step)
        done: list[bool] = []

        def read_then_add(asked):
            found = read(asked)
            if not {eve, eve.pk}.isdisjoint(asked) and not done:
                done.append(True)
                chats.add_member(actor=ann, chat_id=chat.pk, user_id=eve.pk)
            return found

        monkeypatch.setattr(live_runtime, step, read_then_add)
        socket = await connect(eve)
        listed = [one["id"] for one in socket.welcome["chats"]]
        if chat.pk not in listed:
            await socket.next("chat.created")
        await in_thread(people.post, chat, ann, "for eve, too")
        await socket.message("for eve, too")


class TestMessage:
    async def test_reaches_every_member_and_the_sender_and_nobody_else(self, connect, world):
        ann, bob, eve, chat = world
        at_anns, at_bobs, at_eves = await connect(ann), await connect(bob), await connect(eve)
        elsewhere = await connect(bob)
        reply = await at_anns.say(chat.pk, "Привет 👋")
        assert reply["type"] == "reply"
        for socket in (at_anns, at_bobs, elsewhere):
            event = await socket.message("Привет 👋")
            assert (event["chat_id"], event["revision"]) == (chat.pk, reply["revision"])
            assert event["message"] == {
                "id": reply["message_id"],
                "chat_id": chat.pk,
                "seq": reply["seq"],
                "revision": reply["revision"],
                "sender": {"id": ann.pk, "name": ann.name, "username": ann.username},
                "content": "Привет 👋",
                "created_at": reply["created_at"],
                "edited_at": None,
                "deleted": False,
                "reply_to": None,
                "client_message_id": event["message"]["client_message_id"],
                "reactions": [],
            }
        await at_eves.everything_until_now()
        assert "Привет" not in json.dumps(at_eves.seen)

    async def test_is_told_in_order_and_once_however_many_write(self, connect, world, settings):
        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
        ann, bob, _, chat = world
        sockets = [await connect(who) for who in (ann, bob, ann)]
        for n in range(60):
            await sockets[n % 3].send(
                "message.send",
                chat_id=chat.pk,
                client_message_id=str(uuid.uuid4()),
                content=f"{n}",
            )
        for socket in sockets:
            for n in range(60):
                await socket.message(f"{n}")
            assert revisions(socket, chat) == list(range(1, 61))

    async def test_sent_again_is_answered_and_not_told_again(self, connect, world):
        ann, bob, _, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        given = str(uuid.uuid4())
        first = await at_anns.say(chat.pk, "once", client_message_id=given)
        again = await at_anns.say(chat.pk, "once", client_message_id=given)
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert first["message_id"] == again["message_id"]
        await at_bobs.message("once")
        await at_anns.say(chat.pk, "twice")
        await at_bobs.message("twice")
        assert revisions(at_bobs, chat) == [1, 2]

    async def test_is_told_when_it_is_changed_by_anyone_by_any_road(self, connect, world):
        ann, bob, _, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        sent = await at_anns.say(chat.pk, "original")
        message_id = sent["message_id"]
        await at_bobs.ask("reaction.set", message_id=message_id, emoji="👍", on=True)
        await at_anns.ask("message.edit", message_id=message_id, content="better")
        await in_thread(people.post_text, chat, bob, "by another road", reply_to_id=message_id)
        await at_anns.ask("message.delete", message_id=message_id)
        for socket in (at_anns, at_bobs):
            reacted = await socket.next("message.reacted")
            assert reacted["message"]["reactions"] == [{"emoji": "👍", "user_ids": [bob.pk]}]
            edited = await socket.next("message.edited")
            assert edited["message"]["content"] == "better"
            assert edited["message"]["edited_at"].endswith("Z")
            assert len(edited["message"]["reactions"]) == 1
            reply = await socket.message("by another road")
            assert reply["message"]["reply_to"] == {
                "id": message_id,
                "seq": 1,
                "sender": {"id": ann.pk, "name": ann.name, "username": ann.username},
                "content": "better",
                "deleted": False,
            }
            deleted = await socket.next("message.deleted")
            assert (deleted["message"]["content"], deleted["message"]["deleted"]) == ("", True)
            assert deleted["message"]["reactions"] == []
            assert revisions(socket, chat) == [1, 2, 3, 4, 5]

    async def test_over_http_reaches_sockets(self, connect, world):
        ann, bob, _, chat = world
        at_bobs = await connect(bob)
        browser = await in_thread(people.browser_of, ann)
        await in_thread(
            browser.post,
            f"/api/chats/{chat.pk}/messages",
            {"client_message_id": str(uuid.uuid4()), "content": "by post"},
            content_type="application/json",
        )
        await at_bobs.message("by post")

    async def test_that_is_rolled_back_is_never_seen(self, connect, world):
        from django.db import transaction

        ann, bob, _, chat = world
        at_bobs = await connect(bob)

        def post_and_fail():
            with transaction.atomic():
                people.post(chat, ann, "never")
                transaction.set_rollback(True)

        await in_thread(post_and_fail)
        await in_thread(people.post, chat, ann, "really")
        event = await at_bobs.message("really")
        assert event["revision"] == 1
        assert revisions(at_bobs, chat) == [1]

    async def test_of_one_batch_share_frames(self, connect, world):
        ann, bob, _, chat = world
        at_bobs = await connect(bob)
        before = at_bobs.frames

        def post_many():
            from chat.services.posting.posting import post_messages

            post_messages([people.new_post(chat, ann, f"{n}") for n in range(50)])

        await in_thread(post_many)
        await at_bobs.message("49")
        assert at_bobs.frames - before < 10


class TestMembership:
    async def test_of_a_newcomer_begins_at_once(self, connect, world):
        ann, bob, eve, chat = world
        at_anns, at_eves = await connect(ann), await connect(eve)
        await in_thread(people.post, chat, bob, "before")
        await in_thread(chats.add_member, actor=ann, chat_id=chat.pk, user_id=eve.pk)
        created = await at_eves.next("chat.created")
        assert (created["chat"]["id"], created["chat"]["last_seq"]) == (chat.pk, 1)
        joined = await at_anns.next("member.joined")
        assert joined["chat_id"] == chat.pk
        assert joined["user"]["id"] == eve.pk
        assert (joined["role"], joined["member_count"]) == ("member", 3)
        await at_anns.say(chat.pk, "after")
        await at_eves.message("after")
        assert "before" not in [
            line["message"]["content"] for line in at_eves.seen if "message" in line
        ]
        page = await at_eves.ask("chat.history", chat_id=chat.pk)
        assert [message["content"] for message in page["messages"]] == ["before", "after"]

    async def test_of_a_new_chat_reaches_its_people(self, connect, world):
        ann, bob, eve, _ = world
        sockets = [await connect(who) for who in (ann, bob)]
        at_eves = await connect(eve)
        chat = await in_thread(people.make_group, ann, bob, title="New one")
        for socket in sockets:
            created = await socket.next("chat.created")
            assert (created["chat"]["id"], created["chat"]["title"]) == (chat.pk, "New one")
        await sockets[0].say(chat.pk, "first")
        await sockets[1].message("first")
        assert await at_eves.everything_until_now() == []

    @pytest.mark.parametrize("end", ["removed", "left"])
    async def test_ends_within_a_second(self, connect, world, end):
        ann, bob, _, chat = world
        at_anns = await connect(ann)
        at_bobs = [await connect(bob), await connect(bob)]
        if end == "removed":
            await in_thread(people.remove, chat, bob)
        else:
            await in_thread(chats.leave_chat, user=bob, chat_id=chat.pk)
        for socket in at_bobs:
            gone = await socket.next("chat.removed")
            assert gone["chat_id"] == chat.pk
        left = await at_anns.next("member.left")
        assert (left["user_id"], left["member_count"]) == (bob.pk, 1)
        await at_anns.say(chat.pk, "among ourselves")
        message = await at_anns.message("among ourselves")
        await at_anns.ask("message.edit", message_id=message["message"]["id"], content="edited")
        await at_anns.next("message.edited")
        await at_anns.send("typing", chat_id=chat.pk)
        await in_thread(mark_published, {chat.pk: 1})
        await in_thread(chats.rename_chat, actor=ann, chat_id=chat.pk, title="Ours")
        await at_anns.next("chat.updated")
        for socket in at_bobs:
            await socket.everything_until_now()
            after = socket.seen[socket.seen.index(gone) + 1 :]
            assert [line for line in after if line.get("chat_id") == chat.pk] == []
            assert "ourselves" not in json.dumps(socket.seen)

    async def test_shows_in_the_title(self, connect, world):
        ann, bob, _, chat = world
        at_bobs = await connect(bob)
        await in_thread(chats.rename_chat, actor=ann, chat_id=chat.pk, title="<b>Новое</b>")
        updated = await at_bobs.next("chat.updated")
        assert updated == {"type": "chat.updated", "chat_id": chat.pk, "title": "<b>Новое</b>"}


class TestStatus:
    async def test_of_reading_reaches_the_others(self, connect, world):
        ann, bob, _, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await at_anns.say(chat.pk, "read me")
        await at_bobs.send("receipt", chat_id=chat.pk, delivered_seq=1)
        await at_bobs.send("receipt", chat_id=chat.pk, read_seq=1)
        status = await at_anns.next("status", where=lambda line: line.get("read_seq") == 1)
        assert status == {
            "type": "status",
            "chat_id": chat.pk,
            "user_id": bob.pk,
            "delivered_seq": 1,
            "read_seq": 1,
        }

    async def test_of_publishing_reaches_all(self, connect, world):
        ann, bob, _, chat = world
        at_bobs = await connect(bob)
        await in_thread(people.post, chat, ann)
        await in_thread(mark_published, {chat.pk: 1})
        status = await at_bobs.next("status")
        assert status == {"type": "status", "chat_id": chat.pk, "published_seq": 1}

    async def test_is_written_when_the_process_ends(self, connect, world):
        ann, bob, _, chat = world
        at_bobs = await connect(bob)
        await in_thread(people.post, chat, ann)
        await at_bobs.send("receipt", chat_id=chat.pk, read_seq=1)
        await at_bobs.everything_until_now()
        await stop_runtime()
        assert (await in_thread(people.membership, chat, bob)).read_seq == 1


class TestTyping:
    async def test_reaches_the_members_without_too_many_words(self, connect, world):
        ann, bob, eve, chat = world
        at_anns, at_bobs, at_eves = await connect(ann), await connect(bob), await connect(eve)
        for _ in range(5):
            await at_anns.send("typing", chat_id=chat.pk)
        typing = await at_bobs.next("typing")
        assert typing == {
            "type": "typing",
            "chat_id": chat.pk,
            "user": {"id": ann.pk, "name": ann.name},
        }
        await at_anns.say(chat.pk, "done")
        await at_bobs.message("done")
        assert "typing" not in [line["type"] for line in at_bobs.lines]
        await at_eves.everything_until_now()
        assert "typing" not in [line["type"] for line in at_eves.seen]


class TestSync:
    async def test_gives_what_was_missed(self, connect, world):
        ann, bob, _, chat = world
        at_bobs = await connect(bob)
        first = await at_bobs.say(chat.pk, "one")
        await at_bobs.leave()
        await in_thread(people.post, chat, ann, "two")
        at_bobs = await connect(bob)
        await at_bobs.ask("message.edit", message_id=first["message_id"], content="one, better")
        reply = await at_bobs.ask("chat.sync", chat_id=chat.pk, revision=first["revision"])
        assert (reply["after"], reply["revision"], reply["more"]) == (1, 3, False)
        assert [(c["type"], c["revision"]) for c in reply["changes"]] == [
            ("message.created", 2),
            ("message.edited", 3),
        ]


class TestGoodbye:
    async def test_is_said_and_everyone_may_come_back(self, connect, world):
        ann, _, _, chat = world
        socket = await connect(ann)
        await socket.send(
            "message.send", request_id="r", chat_id=chat.pk, content="last words",
            client_message_id=str(uuid.uuid4()),
        )  # fmt: skip
        await asyncio.sleep(0)
        await stop_runtime()
        assert await socket.closed() == 1012
        types = [line["type"] for line in socket.lines]
        assert types[-1] == "goodbye"
        assert "reply" in types
        assert (await in_thread(lambda: chat.messages.count())) == 1

    async def test_is_said_to_who_comes_while_it_ends(self, live, world):
        ann, *_ = world
        runtime().is_draining = True
        socket = ChatSocket(await in_thread(people.session_cookie, ann))
        await socket.shake_hands()
        assert await socket.closed() == 1012

    async def test_is_said_to_who_comes_after_it(self, live, world):
        ann, *_ = world
        cookie = await in_thread(people.session_cookie, ann)
        runtime()
        await stop_runtime()
        assert is_draining()
        socket = ChatSocket(cookie)
        await socket.shake_hands()
        assert await socket.closed() == 1012

    async def test_is_said_to_who_was_let_in_just_before(self, live, world):
        ann, *_ = world
        codes: list[int] = []

        async def send(message: dict[str, Any]) -> NoReturn:
            raise AssertionError("it has had no welcome yet")

        async def close(code: int) -> None:
            codes.append(code)

        socket = Socket(user_id=ann.pk, user_name="", session_key="", send=send, close=close)
        runtime().is_draining = True
        await welcome(runtime(), socket, ann, "en")
        assert codes == [1012]

    async def test_is_said_in_time_whatever_the_database_does(self, connect, world, monkeypatch):
        ann, *_ = world
        socket = await connect(ann)
        monkeypatch.setattr("chat.live.runtime.WORK_SECONDS", 0.0)
        stands_still = asyncio.Event()
        monkeypatch.setattr(runtime().poster, "drain", stands_still.wait)
        stopping = asyncio.create_task(stop_runtime())
        assert await socket.closed() == 1012
        stands_still.set()
        await stopping


@pytest.mark.embedded
class TestHandshake:
    async def test_without_a_session_is_signed_out(self, live):
        for cookie in (None, f"{COOKIE}=nonsense", f"{COOKIE}="):
            socket = ChatSocket(cookie)
            await socket.shake_hands()
            assert await socket.closed() == 4401

    async def test_of_a_banned_person_is_signed_out(self, live, world):
        ann, *_ = world
        cookie = await in_thread(people.session_cookie, ann)
        await in_thread(people.ban, ann)
        socket = ChatSocket(cookie)
        await socket.shake_hands()
        assert await socket.closed() == 4401

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://testserver:1"])
    async def test_from_elsewhere_is_refused(self, live, world, origin):
        ann, *_ = world
        socket = ChatSocket(await in_thread(people.session_cookie, ann), origin=origin)
        with pytest.raises(Closed):
            await socket.shake_hands()

    async def test_of_our_page_at_an_address_that_is_not_listed_is_not_allowed(
        self, live, world, settings
    ):
        settings.ALLOWED_ORIGINS = ["https://chat.example.org"]
        ann, *_ = world
        socket = ChatSocket(await in_thread(people.session_cookie, ann))
        await socket.shake_hands()
        assert await socket.closed() == 4403
        assert socket.seen == []

    async def test_that_the_database_cannot_judge_is_for_later(self, live, world, monkeypatch):
        def away(keys: list[str]) -> NoReturn:
            raise DatabaseAwayError("The database is away: it does not answer")

        ann, *_ = world
        cookie = await in_thread(people.session_cookie, ann)
        monkeypatch.setattr("chat.live.runtime.signed_in", away)
        socket = ChatSocket(cookie)
        await socket.shake_hands()
        assert await socket.closed() == 1013

    async def test_that_takes_too_long_to_judge_is_for_later(self, live, world, monkeypatch):
        ann, *_ = world
        cookie = await in_thread(people.session_cookie, ann)
        monkeypatch.setattr("chat.live.routing.MAX_JUDGING_SECONDS", 0.0)
        socket = ChatSocket(cookie)
        await socket.shake_hands()
        assert await socket.closed() == 1013

    async def test_frames_after_a_refusal_do_nothing(self, live):
        socket = ChatSocket(None)
        await socket.shake_hands()
        await socket.send("ping", request_id="r")
        assert await socket.closed() == 4401
        assert socket.seen == []

    @override_settings(LANGUAGES=[("en", "English"), ("ru", "Russian")])
    async def test_follows_the_browsers_language(self, connect, world):
        ann, *_ = world
        headers = [(b"host", b"testserver"), (b"accept-language", b"ru,en;q=0.5")]
        socket = await connect(ann, headers=headers)
        assert socket.welcome["user"]["language"] == "ru"


class TestLog:
    async def test_never_holds_what_people_say(self, connect, world, caplog):
        """A whole conversation, its mistakes included."""
        secret = "пароль-от-сейфа"
        ann, bob, eve, chat = world
        with caplog.at_level(logging.DEBUG):
            at_anns, at_bobs, at_eves = await connect(ann), await connect(bob), await connect(eve)
            sent = await at_anns.say(chat.pk, secret)
            await at_bobs.message(secret)
            message_id = sent["message_id"]
            await at_anns.ask("message.edit", message_id=message_id, content=f"{secret}!")
            for content in (f"{secret}\0", secret * 400, f"{secret}\ud800", 5):
                await at_anns.say(chat.pk, content)
            await at_anns.say(chat.pk, secret, client_message_id="no uuid")
            await at_eves.say(chat.pk, secret)
            await at_eves.ask("message.edit", message_id=message_id, content=secret)
            await at_bobs.ask("reaction.set", message_id=message_id, emoji=secret, on=True)
            await at_bobs.send_text(f'{{"type": "{secret}"}}')
            await at_bobs.send_text(f'{{"{secret}"')
            await at_bobs.ask("chat.history", chat_id=chat.pk)
            await in_thread(chats.rename_chat, actor=ann, chat_id=chat.pk, title=secret)
            await at_bobs.send_bytes(secret.encode())
            browser = await in_thread(people.browser_of, bob)
            await in_thread(browser.get, "/api/people", {"q": secret})
            await in_thread(
                browser.post,
                f"/api/chats/{chat.pk}/messages",
                {"client_message_id": str(uuid.uuid4()), "content": f"{secret}\0"},
                content_type="application/json",
            )
            for socket in (at_anns, at_bobs, at_eves):
                await socket.everything_until_now()
        ours = [r for r in caplog.records if r.name.startswith(("chat", "messaging", "webchat"))]
        assert ours
        for record in ours:
            assert secret not in str(vars(record)), record

    async def test_never_holds_it_when_the_database_refuses_it(
        self, connect, world, caplog, monkeypatch
    ):
        from django.db import DataError

        def refuse(posts):
            raise DataError("value too long")

        ann, _, _, chat = world
        socket = await connect(ann)
        monkeypatch.setattr("chat.live.saving.post_messages", refuse)
        with caplog.at_level(logging.DEBUG):
            error = await socket.say(chat.pk, "пароль-от-сейфа")
        assert (error["type"], error["code"]) == ("error", "unavailable")
        assert error["retry_after"] > 0
        assert "пароль" not in caplog.text
