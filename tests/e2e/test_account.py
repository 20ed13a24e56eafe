"""One's own account in the browser: signed in elsewhere, taken along, deleted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.chatting import (
    PASSWORD,
    api,
    make_chat,
    message,
    open_chat,
    reaches,
    sees,
    send,
    sign_in,
    sign_up,
    state_of,
    wait_until_connected,
)
from tests.support.playwrights import expect

NEW_PASSWORD = "windy-field-38"


class TestSignedInElsewhere:
    def test_signing_out_everywhere_else_ends_the_other_browser_at_once(
        self, server, new_person, anna_and_boris
    ):
        anna, _ = anna_and_boris
        other = new_person(server)
        sign_in(other, "anna")
        wait_until_connected(other)
        other.expects("401")
        anna.goto("/profile")
        anna.page.click("text=Where you are signed in")
        expect(anna.page.locator(".devices li")).to_have_count(2)
        expect(anna.page.locator(".devices li").first).to_contain_text("this device")
        anna.page.click("text=Sign out everywhere else")
        expect(anna.page.locator(".devices li")).to_have_count(1)
        expect(other.page.locator("#banner")).to_contain_text("You are signed out")


class TestDownload:
    def test_gives_what_was_written_in_both_forms(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.goto("/profile")
        with anna.page.expect_download() as download:
            anna.page.click("text=For a program (JSON)")
        (line,) = Path(download.value.path()).read_text().splitlines()
        assert json.loads(line)["content"] == "hello from Anna"


class TestDeletion:
    def test_keeps_the_messages_under_another_name_and_clears_the_browser(
        self, server, new_person, anna_and_boris
    ):
        anna, boris = anna_and_boris
        anna.page.fill("#message", "a draft that stays here")
        anna.page.evaluate("() => localStorage.setItem('webchat.draft.999.1', '\"a draft\"')")
        anna.goto("/profile")
        anna.page.click("text=Delete the account")
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", PASSWORD)
        anna.page.click("main button.danger")
        expect(anna.page.locator("[role=status]")).to_contain_text("Your account is deleted.")
        # What others keep in this browser stays.
        anna.page.wait_for_function(
            "() => Object.keys(localStorage).filter((key) => /draft|outbox/.test(key))"
            ".join() === 'webchat.draft.999.1'"
        )
        expect(boris.page.locator("#chat-list .row")).to_contain_text("Deleted account")
        sees(boris, "hello from Anna")
        expect(boris.page.locator(".chat-head")).not_to_contain_text("@")
        # Nobody reads there any more: nothing is written.
        expect(boris.page.locator("#closed")).to_be_visible()
        expect(boris.page.locator("#composer")).to_be_hidden()
        again = new_person(server)
        sign_up(again, "anna")

    def test_takes_the_name_from_messages_that_are_on_screen(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna", name="Anna")
        sign_up(boris, "boris", name="Boris")
        chat_id = make_chat(boris, "Garden")
        (found,) = api(boris, "GET", "people?q=anna")["people"]
        api(boris, "POST", f"chats/{chat_id}/members", {"user_id": found["id"]})
        open_chat(anna, "Garden")
        send(anna, "my words")
        message(boris, "my words").hover()
        message(boris, "my words").locator(".tools button").nth(1).click()
        send(boris, "an answer")
        reaches(boris, "an answer", "read")
        expect(message(boris, "an answer").locator(".quote")).to_contain_text("Anna")
        anna.goto("/profile/delete")
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", PASSWORD)
        anna.page.click("main button.danger")
        expect(boris.page.locator(".byline .name")).to_have_text("Deleted account")
        expect(message(boris, "an answer").locator(".quote b")).to_have_text("Deleted account")
        # A chat of many goes on.
        expect(boris.page.locator("#composer")).to_be_visible()
        expect(boris.page.locator("#closed")).to_be_hidden()


class TestProfile:
    def test_gives_another_name_that_others_see(self, anna_and_boris):
        anna, boris = anna_and_boris
        to_profile(anna)
        anna.page.get_by_label("Name").fill("Anna Petrova")
        save(anna)
        boris.page.reload()
        expect(boris.page.locator(".chat-head h2")).to_have_text("Anna Petrova")
        anna.page.click("text=Back to your chats")
        wait_until_connected(anna)
        anna.page.click("#my-menu")
        expect(anna.page.locator(".menu .caption")).to_contain_text("Anna Petrova")

    @pytest.mark.long
    def test_presence_is_shown_until_it_is_switched_off(self, anna_and_boris):
        anna, boris = anna_and_boris
        head = boris.page.locator(".chat-head p")
        expect(head).to_have_text("@anna · online")
        anna.page.locator("#message").press_sequentially("hm")
        expect(boris.page.locator("#typing")).to_have_text("Anna is typing…")
        anna.page.fill("#message", "")
        to_profile(anna)
        anna.page.get_by_label("Others see when I am online").uncheck()
        save(anna)
        expect(head).to_have_text("@anna")
        anna.page.click("text=Back to your chats")
        wait_until_connected(anna)
        open_chat(anna, "Boris")
        # Nor is she shown it of others.
        expect(anna.page.locator(".chat-head p")).to_have_text("@boris")
        expect(boris.page.locator("#typing")).to_be_empty()
        anna.page.locator("#message").press_sequentially("hm")
        anna.page.press("#message", "Enter")
        sees(boris, "hm")
        expect(boris.page.locator("#typing")).to_be_empty()
        expect(head).to_have_text("@anna")

    def test_reading_is_shown_until_it_is_switched_off(self, anna_and_boris):
        anna, boris = anna_and_boris
        send(boris, "do you see it?")
        reaches(boris, "do you see it?", "read")
        to_profile(anna)
        anna.page.get_by_label("Others see what I have read").uncheck()
        save(anna)
        anna.page.click("text=Back to your chats")
        open_chat(anna, "Boris")
        send(boris, "and this?")
        sees(anna, "and this?")
        expect(anna.page.locator("#chat-list .badge")).to_have_count(0)
        reaches(boris, "and this?", "delivered")
        boris.page.reload()
        expect(state_of(boris, "and this?")).to_have_attribute(
            "title", re.compile("Not everyone shares read receipts")
        )
        send(anna, "I do")
        sees(boris, "I do")
        reaches(anna, "I do", "delivered")


class TestPassword:
    def test_is_changed_and_the_old_one_opens_nothing(self, anna_and_boris):
        anna, _ = anna_and_boris
        to_profile(anna)
        anna.page.click("text=Change the password")
        fields = anna.page.locator("input[type=password]")
        for old, outcome in (("not this one", ".field-error"), (PASSWORD, ".note")):
            for place, value in enumerate([old, NEW_PASSWORD, NEW_PASSWORD]):
                fields.nth(place).fill(value)
            anna.page.click("main button.primary")
            expect(anna.page.locator(outcome)).to_be_visible()
        anna.page.click("text=Sign out")
        anna.page.wait_for_url("**/sign-in**")
        for password, outcome in ((PASSWORD, ".problem"), (NEW_PASSWORD, "#chat-list .row")):
            anna.page.fill("[name=username]", "anna")
            anna.page.fill("[name=password]", password)
            anna.page.click("main button.primary")
            expect(anna.page.locator(outcome)).to_be_visible()


def to_profile(person) -> None:
    person.page.click("#my-menu")
    person.page.get_by_role("menuitem", name="Profile").click()
    expect(person.page.locator("h1")).to_have_text("Profile")


def save(person) -> None:
    person.page.click("main button.primary")
    expect(person.page.locator(".note")).to_have_text("Saved.")
