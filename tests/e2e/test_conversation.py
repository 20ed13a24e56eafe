"""Two people in two browsers: they find each other, talk, and miss nothing when one was away."""

from __future__ import annotations

import re

import pytest

from tests.e2e.chatting import (
    make_chat,
    message,
    open_chat,
    reaches,
    sees,
    sees_exactly,
    send,
    sign_up,
    sign_up_on_the_page,
    wait_until_connected,
    write_to,
)
from tests.support.playwrights import expect
from tests.support.servers import start_server


@pytest.fixture(params=[pytest.param("one process", marks=pytest.mark.long), "two processes"])
def two_people(request, new_person):
    """Anna and Boris; with two processes on PostgreSQL and Redis each is on another one."""
    if request.param == "one process":
        server = request.getfixturevalue("server")
        yield new_person(server), new_person(server)
        return
    database, redis = (
        request.getfixturevalue("migrated_postgres_url"),
        request.getfixturevalue("redis_url"),
    )
    with start_server(database, redis) as one, start_server(database, redis) as other:
        yield new_person(one), new_person(other)


class TestTwoPeople:
    def test_find_each_other_and_talk_both_ways(self, two_people):
        anna, boris = two_people
        sign_up_on_the_page(anna, "anna", name="Anna Petrova")
        sign_up_on_the_page(boris, "boris", name="Борис")
        write_to(anna, "Бор", username="boris")
        send(anna, "Hello, Boris!")
        open_chat(boris, "Anna Petrova")
        sees(boris, "Hello, Boris!")
        send(boris, "Привет, Анна! Как дела?")
        send(boris, "👋🏽")
        sees(anna, "Привет, Анна! Как дела?")
        send(anna, "Хорошо 👨‍👩‍👧‍👦 and you?")
        everything = [
            "Hello, Boris!",
            "Привет, Анна! Как дела?",
            "👋🏽",
            "Хорошо 👨‍👩‍👧‍👦 and you?",
        ]
        sees_exactly(boris, everything)
        sees_exactly(anna, everything)
        reaches(anna, "Хорошо 👨‍👩‍👧‍👦 and you?", "read")

    def test_the_one_who_was_offline_comes_back_without_a_hole(self, two_people):
        anna, boris = two_people
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        write_to(anna, "boris", username="boris")
        send(anna, "before")
        open_chat(boris, "anna")
        sees(boris, "before")
        boris.go_offline()
        missed = [f"missed {number}" for number in range(1, 13)]
        for text in missed:
            send(anna, text)
        reaches(anna, missed[-1], "saved", "published")
        send(boris, "written offline")
        expect(message(boris, "written offline")).to_have_class(re.compile("pending"))
        boris.go_online()
        wait_until_connected(boris)
        sees_exactly(boris, ["before", *missed, "written offline"])
        sees_exactly(anna, ["before", *missed, "written offline"])


class TestMessage:
    def test_can_be_edited_answered_reacted_to_and_deleted(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        write_to(anna, "boris", username="boris")
        send(anna, "See you at fvie")
        open_chat(boris, "anna")
        sees(boris, "See you at fvie")

        anna.page.press("#message", "ArrowUp")
        anna.page.fill("#message", "See you at five")
        anna.page.press("#message", "Enter")
        sees(boris, "See you at five")
        message(boris, "See you at five").locator(".edited").click()
        expect(boris.page.locator("dialog .versions")).to_contain_text("See you at fvie")
        boris.page.keyboard.press("Escape")

        message(boris, "See you at five").hover()
        message(boris, "See you at five").locator(".tools button").nth(1).click()
        send(boris, "I will be there")
        quote = message(anna, "I will be there").locator(".quote")
        expect(quote).to_contain_text("See you at five")

        message(anna, "I will be there").hover()
        message(anna, "I will be there").locator(".tools button").first.click()
        anna.page.locator(".menu .quick button").first.click()
        reaction = message(boris, "I will be there").locator(".reaction")
        expect(reaction).to_have_text("👍1")
        reaction.click()
        expect(message(anna, "I will be there").locator(".reaction")).to_have_text("👍2")

        message(anna, "See you at five").hover()
        message(anna, "See you at five").locator(".tools [aria-haspopup]").click()
        anna.page.locator(".menu .danger").click()
        anna.page.locator("dialog .button.danger").click()
        expect(boris.page.locator(".gone")).to_have_text("Message deleted")
        expect(quote).to_contain_text("Message deleted")

    def test_shows_that_the_other_one_is_typing_and_online(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        write_to(anna, "boris", username="boris")
        boris.page.reload()
        expect(anna.page.locator(".chat-head")).to_contain_text("online")
        open_chat(boris, "anna")
        boris.page.locator("#message").press_sequentially("Hm")
        expect(anna.page.locator("#typing")).to_have_text("boris is typing…")
        boris.page.press("#message", "Enter")
        expect(anna.page.locator("#typing")).to_have_text("")


class TestChatOfMany:
    def test_is_made_found_joined_and_left(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        make_chat(anna, "Book club", kind="public")
        boris.page.fill("#filter", "book")
        boris.page.click("#found-people .row:has-text('Book club')")
        expect(boris.page.locator(".chat-head")).to_contain_text("2 members")
        send(boris, "May I come in?")
        sees(anna, "May I come in?")
        boris.page.locator(".chat-head [aria-haspopup]").click()
        boris.page.locator(".menu .danger").click()
        boris.page.locator("dialog .button.danger").click()
        expect(boris.page.locator("#chat-list .row")).to_have_count(0)
        expect(anna.page.locator(".chat-head")).to_contain_text("1 member")

    def test_people_are_added_get_a_role_and_are_sent_out(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.page.click("#show-members")
        anna.page.click(".side-foot button")
        anna.page.fill("dialog input", "bor")
        anna.page.click("dialog .row:has-text('@boris')")
        open_chat(boris, "Garden")
        row = anna.page.locator(".side .row:has-text('@boris')")
        row.locator("[aria-haspopup]").click()
        anna.page.get_by_text("Make an admin").click()
        expect(row).to_contain_text("admin")
        row.locator("[aria-haspopup]").click()
        anna.page.get_by_text("Remove from the chat").click()
        anna.page.locator("dialog .button.danger").click()
        expect(boris.page.locator("#chat-list .row")).to_have_count(0)
        expect(boris.page.locator(".toast")).to_contain_text("no longer in Garden")
