"""Whoever is over a limit is told so in words, and loses nothing that was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.chatting import make_chat, message, sees, send, sign_up
from tests.support.playwrights import expect
from tests.support.servers import Server, start_server


@pytest.fixture(scope="module")
def strict_server(
    tmp_path_factory: pytest.TempPathFactory, new_sqlite_url: Callable[[Path], str]
) -> Iterator[Server]:
    with start_server(
        new_sqlite_url(tmp_path_factory.mktemp("web")),
        LIMIT_EDITS_PER_MINUTE=1,
        LIMIT_REACTIONS_PER_MINUTE=1,
        LIMIT_CHATS_PER_HOUR=1,
        LIMIT_SOCKETS_PER_PERSON=1,
    ) as running:
        yield running


@pytest.fixture
def anna(strict_server, new_person, unique):
    """In a chat of her own, in which she has written."""
    person = new_person(strict_server)
    sign_up(person, unique("anna"))
    make_chat(person, "Garden")
    send(person, "planted")
    sees(person, "planted")
    return person


def toast(person):
    return person.page.locator(".toast")


class TestEdit:
    def test_over_the_limit_goes_back_to_where_it_was_written(self, anna):
        for old, new in (("planted", "planted roses"), ("planted roses", "planted lilies")):
            message(anna, old).hover()
            message(anna, old).locator(".tools [aria-haspopup]").last.click()
            anna.page.get_by_role("menuitem", name="Edit", exact=True).click()
            send(anna, new)
        expect(toast(anna)).to_contain_text("You have edited too many messages in a short time.")
        expect(toast(anna)).to_contain_text("Try again in")
        expect(anna.page.locator("#message")).to_have_value("planted lilies")
        sees(anna, "planted roses")


class TestReaction:
    def test_over_the_limit_is_said(self, anna):
        for number in range(2):
            message(anna, "planted").hover()
            message(anna, "planted").locator(".tools [aria-haspopup]").last.click()
            anna.page.locator(".menu .quick button").nth(number).click()
        expect(toast(anna)).to_contain_text("You have reacted too many times in a short time.")


class TestNewChat:
    def test_over_the_limit_stays_in_its_dialog(self, anna):
        anna.expects("429")
        page = anna.page
        page.click("#new-chat")
        page.locator(".menu button").nth(1).click()
        page.fill("#chat-title", "Books")
        page.click("dialog button.primary")
        words = page.get_by_text("You have created too many chats in a short time. Try again in")
        expect(words.first).to_be_visible()
        expect(page.locator("#chat-title")).to_have_value("Books")


class TestOneMorePage:
    def test_is_told_why_it_gets_no_connection_and_gets_it_when_there_is_room(self, anna):
        second = anna.context.new_page()
        second.goto(anna.page.url)
        expect(second.locator("#banner")).to_contain_text("open in too many places")
        anna.page.close()
        expect(second.locator("html")).to_have_attribute(
            "data-connection", "online", timeout=60_000
        )
        expect(second.locator("#banner")).to_be_hidden()
