"""One's own account in the browser: signed in elsewhere, taken along, deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.chatting import (
    PASSWORD,
    open_chat,
    sees,
    send,
    sign_in,
    sign_up,
    wait_until_connected,
    write_to,
)


@pytest.fixture
def anna_and_boris(server, new_person):
    anna, boris = new_person(server), new_person(server)
    sign_up(boris, "boris", name="Boris")
    sign_up(anna, "anna", name="Anna")
    write_to(anna, "boris", username="boris")
    send(anna, "hello from Anna")
    open_chat(boris, "Anna")
    sees(boris, "hello from Anna")
    return anna, boris


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
        again = new_person(server)
        sign_up(again, "anna")
