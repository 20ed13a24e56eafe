"""What the page loads at once, and what only when it is opened."""

from __future__ import annotations

import re

from tests.e2e.chatting import make_chat, reaches, send, sign_up
from tests.support.playwrights import expect

LATER = {
    *("blocking", "chat-dialogs", "message-dialogs", "notification-list", "notify-dialog"),
    *("people-dialogs", "reporting", "shortcuts-dialog", "webhooks"),
    *("lightbox", "loaded-list", "members", "search", "dialogs", "finder", "found-rows"),
    *("handed-back", "browser-notifications"),
}


def loaded(person):
    names = person.page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    return {found[1] for name in names if (found := re.search(r"/js/(?:\w+/)?([\w-]+)\.", name))}


class TestDialogs:
    def test_are_loaded_when_they_are_opened(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.goto("/")
        expect(anna.page.locator("html")).to_have_attribute("data-connection", "online")
        assert loaded(anna) & LATER == set()
        anna.page.keyboard.press("?")
        expect(anna.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        assert loaded(anna) & LATER == {"dialogs", "shortcuts-dialog"}

    def test_that_cannot_be_loaded_say_so_and_open_the_next_time(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        anna.expects("ERR_FAILED|Failed to fetch")
        anna.page.route("**/notification-list*.js", lambda route: route.abort())
        anna.page.click("#bell")
        expect(anna.page.locator(".toast")).to_contain_text("could not be loaded")
        expect(anna.page.get_by_role("dialog")).to_have_count(0)
        anna.page.unroute_all()
        anna.page.click("#bell")
        expect(anna.page.get_by_role("dialog", name="Notifications")).to_be_visible()


class TestPanels:
    def test_are_loaded_when_they_are_opened(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        anna.page.click("#search-messages")
        expect(anna.page.get_by_role("searchbox", name="Words in a message")).to_be_focused()
        assert loaded(anna) & LATER == {"loaded-list", "search"}

    def test_that_cannot_be_loaded_say_so_and_open_the_next_time(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.page.reload()
        anna.expects("ERR_FAILED|Failed to fetch")
        anna.page.route("**/loaded-list*.js", lambda route: route.abort())
        anna.page.click("#show-members")
        expect(anna.page.locator(".toast")).to_contain_text("could not be loaded")
        expect(anna.page.locator("#members")).to_be_hidden()
        anna.page.unroute_all()
        anna.page.click("#show-members")
        expect(anna.page.locator("#members")).to_contain_text("anna")

    def test_that_are_not_there_yet_are_given_up_with_escape_and_nothing_else_is(
        self, server, new_person
    ):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        send(anna, "roses")
        reaches(anna, "roses", "saved", "published")
        anna.page.press("#message", "ArrowUp")
        anna.page.keyboard.type(" and lilies")
        held = []
        anna.page.route("**/panels/search*.js", lambda route: held.append(route))
        with anna.page.expect_request("**/panels/search*.js"):
            anna.page.click("#search-messages")
        anna.page.keyboard.press("Escape")
        with anna.page.expect_response("**/panels/search*.js"):
            held[0].continue_()
        expect(anna.page.locator("#message")).to_have_value("roses and lilies")
        expect(anna.page.locator("#search")).to_be_hidden()
        anna.page.click("#search-messages")
        expect(anna.page.get_by_role("searchbox", name="Words in a message")).to_be_focused()
