"""What is being written stays with its chat: over reloads, edits, other tabs and other chats."""

from __future__ import annotations

import re

import pytest

from tests.e2e.chatting import (
    make_chat,
    message,
    open_chat,
    sees,
    send,
    sign_up,
    wait_until_connected,
)
from tests.e2e.network import HeldRequests, hand_over, hold, is_held, sign_in_at, sign_out
from tests.support.playwrights import expect

EDITED = '{"type":"reply"'


@pytest.fixture
def anna(server, new_person):
    """In "Garden", where she has written something; she has another chat, "Books"."""
    anna = new_person(server)
    hand_over(anna)
    sign_up(anna, "anna")
    make_chat(anna, "Books")
    make_chat(anna, "Garden")
    send(anna, "planted")
    sees(anna, "planted")
    expect(message(anna, "planted").locator(".tools")).to_be_attached()
    return anna


def begin_edit(person, text, new_text):
    """Of an own message, over whatever stands in the field."""
    message(person, text).hover()
    message(person, text).locator(".tools [aria-haspopup]").last.click()
    person.page.get_by_role("menuitem", name="Edit").click()
    expect(field(person)).to_have_value(text)
    person.page.fill("#message", new_text)


def field(person, page=None):
    return (page or person.page).locator("#message")


class TestDraft:
    def test_survives_a_reload(self, anna):
        anna.page.fill("#message", "half a thou")
        anna.page.reload()
        expect(field(anna)).to_have_value("half a thou")

    def test_is_that_of_its_chat(self, anna):
        anna.page.fill("#message", "about plants")
        open_chat(anna, "Books")
        expect(field(anna)).to_have_value("")
        open_chat(anna, "Garden")
        expect(field(anna)).to_have_value("about plants")

    def test_survives_signing_out(self, anna):
        anna.page.fill("#message", "half a thou")
        address = anna.page.url
        sign_out(anna, anna.page)
        sign_in_at(anna, anna.page, "anna", address)
        expect(field(anna)).to_have_value("half a thou")

    def test_lives_as_long_as_the_page_where_nothing_can_be_kept(self, anna):
        anna.page.add_init_script(
            """Object.defineProperty(window, "localStorage", {
              get() { throw new DOMException("no storage here", "SecurityError"); } });"""
        )
        anna.page.reload()
        wait_until_connected(anna)
        anna.page.fill("#message", "about plants")
        open_chat(anna, "Books")
        expect(field(anna)).to_have_value("")
        open_chat(anna, "Garden")
        expect(field(anna)).to_have_value("about plants")

    def test_that_another_tab_has_sent_does_not_come_back(self, anna):
        anna.page.fill("#message", "sent from there")
        other = anna.context.new_page()
        other.goto(anna.page.url)
        expect(field(anna, other)).to_have_value("sent from there")
        other.press("#message", "Enter")
        sees(anna, "sent from there")
        expect(field(anna)).to_have_value("")
        other.fill("#message", "newer")
        expect(field(anna)).to_have_value("newer")
        anna.page.close()
        other.reload()
        expect(field(anna, other)).to_have_value("newer")


class TestDraftAsideOfAnEdit:
    @pytest.mark.parametrize("ends", ["Enter", "Escape"])
    def test_comes_back_when_the_edit_ends(self, anna, ends):
        anna.page.fill("#message", "half a thou")
        begin_edit(anna, "planted", "planted roses")
        anna.page.press("#message", ends)
        sees(anna, "planted roses" if ends == "Enter" else "planted")
        expect(field(anna)).to_have_value("half a thou")

    def test_survives_a_reload_with_the_edit(self, anna):
        anna.page.fill("#message", "half a thou")
        begin_edit(anna, "planted", "planted roses")
        anna.page.reload()
        expect(field(anna)).to_have_value("planted roses")
        expect(anna.page.locator(".context")).to_contain_text("Editing")
        anna.page.press("#message", "Escape")
        expect(field(anna)).to_have_value("half a thou")

    def test_never_lands_in_another_chat(self, anna):
        anna.page.fill("#message", "for the garden alone")
        begin_edit(anna, "planted", "planted roses")
        open_chat(anna, "Books")
        send(anna, "a book")
        sees(anna, "a book")
        begin_edit(anna, "a book", "a good book")
        anna.page.press("#message", "Enter")
        sees(anna, "a good book")
        expect(field(anna)).to_have_value("")
        open_chat(anna, "Garden")
        expect(field(anna)).to_have_value("planted roses")

    def test_stands_in_the_reply_that_takes_the_edits_place(self, anna):
        anna.page.fill("#message", "half a thou")
        begin_edit(anna, "planted", "planted roses")
        message(anna, "planted").hover()
        message(anna, "planted").locator(".tools button").nth(1).click()
        expect(anna.page.locator(".context")).to_contain_text("Reply to")
        expect(field(anna)).to_have_value("half a thou")


class TestEdit:
    def test_that_failed_waits_in_its_own_chat(self, anna):
        open_chat(anna, "Books")
        anna.page.fill("#message", "a draft about books")
        open_chat(anna, "Garden")
        anna.page.fill("#message", "half a thou")
        begin_edit(anna, "planted", "planted roses")
        hold(anna, EDITED)
        anna.page.press("#message", "Enter")
        is_held(anna, EDITED)
        open_chat(anna, "Books")
        anna.page.evaluate(
            """() => {
              const { request_id } = JSON.parse(line.held[0]);
              line.holds = [];
              line.hear(JSON.stringify({ type: "error", request_id, code: "forbidden",
                detail: "Not today." }));
            }"""
        )
        expect(anna.page.locator(".toast")).to_have_text("Not today.")
        expect(field(anna)).to_have_value("a draft about books")
        open_chat(anna, "Garden")
        expect(field(anna)).to_have_value("planted roses")
        expect(anna.page.locator(".context")).to_contain_text("Editing")
        anna.page.press("#message", "Escape")
        expect(field(anna)).to_have_value("half a thou")


class TestNames:
    """The list of names that an "@" opens, when the message goes before it is there."""

    @pytest.fixture
    def anna(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        return anna

    def test_that_come_too_late_show_nothing(self, anna):
        names = HeldRequests(anna, "/mentionable")
        with anna.page.expect_request(re.compile(r"/mentionable\?q=an")):
            anna.page.locator("#message").press_sequentially("hi @an")
        anna.page.press("#message", "Enter")
        sees(anna, "hi @an")
        with anna.page.expect_response(re.compile("/mentionable")) as answer:
            names.let_go()
        answer.value.finished()
        send(anna, "next")
        sees(anna, "next")
        expect(anna.page.locator("#names")).to_be_hidden()

    def test_are_not_asked_for_any_more(self, anna):
        anna.page.click("#show-members")
        anna.page.wait_for_selector("#members input")  # the panel's script comes when it opens
        anna.page.focus("#message")
        asked: list[str] = []
        anna.page.on("request", lambda request: asked.append(request.url))
        # What the panel asks for, it asks for a moment later than the field would.
        with anna.page.expect_request(re.compile(r"/members\?q=nobody")):
            anna.page.evaluate(
                """() => {
                  const typed = (node, text) => {
                    node.value = text;
                    node.dispatchEvent(new Event("input"));
                  };
                  const field = document.querySelector("#message");
                  typed(field, "hi @an");
                  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
                  typed(document.querySelector("#members input"), "nobody");
                }"""
            )
        sees(anna, "hi @an")
        assert [url for url in asked if "q=an" in url] == []
