"""Ticks and "Seen by": they say what is known, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.chatting import (
    api,
    make_chat,
    message,
    reaches,
    sees,
    send,
    sign_up,
    state_of,
)
from tests.support.browser import Person
from tests.support.playwrights import expect
from tests.support.servers import Server


@pytest.fixture
def three(server: Server, new_person) -> tuple[Person, Person, Person]:
    """Anna made a group with boris and carol; each looks at it."""
    people = [new_person(server) for _ in range(3)]
    for person, name in zip(people, ("anna", "boris", "carol"), strict=True):
        sign_up(person, name, name=name.capitalize())
    anna, *others = people
    chat_id = make_chat(anna, "Plans")
    for person in others:
        me = api(person, "GET", "me")["user"]["id"]
        api(anna, "POST", f"chats/{chat_id}/members", {"user_id": me})
        person.goto(f"/chats/{chat_id}")
        expect(person.page.locator("#message")).to_be_visible()
    return anna, others[0], others[1]


def seen_by(person: Person, text: str):
    message(person, text).hover()
    message(person, text).locator(".tools button").last.click()
    person.page.locator(".menu button", has_text="Seen by").click()
    return person.page.locator("dialog[open]")


class TestTicks:
    def test_are_full_when_everyone_who_was_there_has_read_it(self, three):
        anna, boris, carol = three
        send(anna, "hello all")
        sees(boris, "hello all")
        sees(carol, "hello all")
        reaches(anna, "hello all", "read")
        dialog = seen_by(anna, "hello all")
        expect(dialog.locator("p")).to_have_text("Delivered to 2 of 2. Read by 2 of 2.")
        expect(dialog.locator(".row")).to_have_count(2)
        expect(dialog.locator(".row", has_text="Boris")).to_contain_text("Read")
        anna.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    def test_count_whoever_has_just_come_whatever_the_clock_says_here(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna")
        sign_up(boris, "boris")
        chat_id = make_chat(anna, "Plans")
        anna.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=1))
        me = api(boris, "GET", "me")["user"]["id"]
        api(anna, "POST", f"chats/{chat_id}/members", {"user_id": me})
        boris.goto(f"/chats/{chat_id}")
        send(anna, "hello")
        sees(boris, "hello")
        reaches(anna, "hello", "read")

    def test_stop_at_delivered_for_who_does_not_show_what_they_read(self, three, server):
        anna, _boris, carol = three
        server.execute("UPDATE chat_user SET shares_reading = 0 WHERE username = 'carol'")
        send(anna, "a question")
        sees(carol, "a question")
        reaches(anna, "a question", "delivered")
        expect(state_of(anna, "a question")).to_contain_text("Read by 1 of 2")
        anna.page.reload()
        sees(anna, "a question")
        reaches(anna, "a question", "delivered")
        expect(state_of(anna, "a question")).to_have_attribute("title", SILENT)
        # And to carol nobody has read what she writes.
        carol.page.reload()
        send(carol, "an answer")
        sees(anna, "an answer")
        reaches(carol, "an answer", "delivered")
        expect(seen_by(carol, "an answer").locator("p")).to_contain_text(
            "cannot see those of others"
        )


SILENT = "Delivered to everyone. Read by 1 of 2. Not everyone shares read receipts"
