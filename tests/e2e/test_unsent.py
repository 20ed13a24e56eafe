"""What was written is sent once, in order, whatever happens in between; it is never lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.chatting import (
    api,
    make_chat,
    message,
    open_chat,
    reaches,
    sees,
    sees_exactly,
    send,
    sign_up,
    state_of,
    wait_until_connected,
    write_to,
)
from tests.processes import PATIENCE

TWO_HOURS_MS = 2 * 60 * 60 * 1000


@pytest.fixture
def anna_and_boris(server, new_person):
    anna, boris = new_person(server), new_person(server)
    sign_up(boris, "boris")
    sign_up(anna, "anna")
    write_to(anna, "boris", username="boris")
    open_chat(boris, "anna")
    return anna, boris


class TestEcho:
    def test_is_on_screen_in_the_next_frame_with_the_field_empty_and_in_focus(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.page.fill("#message", "at once")
        shown = anna.page.evaluate(
            """() => new Promise((resolve) => {
              const field = document.querySelector("#message");
              field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
              requestAnimationFrame(() => resolve({
                text: document.querySelector(".message .text")?.textContent,
                field: field.value, focused: document.activeElement === field }));
            })"""
        )
        assert shown == {"text": "at once", "field": "", "focused": True}

    def test_is_the_same_node_when_the_message_is_saved_and_comes_back(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.go_offline()
        send(anna, "the same")
        anna.page.evaluate("document.querySelector('.message').marked = true")
        anna.go_online()
        expect(state_of(anna, "the same")).to_have_class(re.compile("published|delivered|read"))
        assert anna.page.evaluate("document.querySelector('.message').marked") is True
        sees_exactly(anna, ["the same"])


class TestUnsentMessage:
    def test_shows_a_clock_and_waits_while_offline(self, anna_and_boris):
        anna, boris = anna_and_boris
        anna.go_offline()
        send(anna, "first")
        send(anna, "second")
        expect(state_of(anna, "second")).to_have_class(re.compile("clock"))
        expect(anna.page.locator("#banner")).to_contain_text("You are offline")
        anna.go_online()
        sees_exactly(boris, ["first", "second"])
        expect(anna.page.locator("#banner")).to_be_hidden()

    def test_moves_nothing_when_the_page_says_that_it_is_offline(self, anna_and_boris):
        anna, _ = anna_and_boris
        send(anna, "stays where it is")
        reaches(anna, "stays where it is", "published", "delivered", "read")
        before = message(anna, "stays where it is").bounding_box()
        anna.go_offline()
        expect(anna.page.locator("#banner")).to_be_visible()
        assert message(anna, "stays where it is").bounding_box() == before

    def test_outlives_the_tab_and_is_sent_once_from_two(self, anna_and_boris):
        anna, boris = anna_and_boris
        anna.go_offline()
        texts = [f"kept {number}" for number in range(1, 6)]
        for text in texts:
            send(anna, text)
        address = anna.page.url
        anna.page.close()
        anna.go_online()
        anna.page, other = anna.context.new_page(), anna.context.new_page()
        anna.page.goto(address)
        other.goto(address)
        sees_exactly(boris, texts)
        sees_exactly(anna, texts)

    def test_asks_first_when_it_is_older_than_an_hour(self, anna_and_boris):
        anna, boris = anna_and_boris
        anna.go_offline()
        send(anna, "old news")
        anna.page.evaluate(
            """(age) => {
              const key = Object.keys(localStorage).find((one) => one.includes("outbox"));
              const item = JSON.parse(localStorage[key]);
              localStorage[key] = JSON.stringify({ ...item, written_at: item.written_at - age });
            }""",
            TWO_HOURS_MS,
        )
        address = anna.page.url
        anna.page.close()
        anna.go_online()
        anna.page = anna.context.new_page()
        anna.page.goto(address)
        expect(message(anna, "old news")).to_contain_text("never sent")
        send(anna, "newer")
        sees_exactly(boris, ["newer"])
        message(anna, "old news").get_by_role("button", name="Send").click()
        sees_exactly(boris, ["newer", "old news"])

    def test_arrives_once_and_in_order_over_a_restart_of_the_server(self, anna_and_boris, server):
        anna, boris = anna_and_boris
        anna.expects("WebSocket|ERR_CONNECTION|ERR_EMPTY|Failed to load resource")
        boris.expects("WebSocket|ERR_CONNECTION|ERR_EMPTY|Failed to load resource")
        texts = [f"number {number}" for number in range(1, 25)]
        for text in texts[:8]:
            send(anna, text)
        server.kill()
        for text in texts[8:16]:
            send(anna, text)
        server.start()
        for text in texts[16:]:
            send(anna, text)
        expect(anna.page.locator("html")).to_have_attribute(
            "data-connection", "online", timeout=30_000 * PATIENCE
        )
        expect(boris.page.locator("html")).to_have_attribute(
            "data-connection", "online", timeout=30_000 * PATIENCE
        )
        sees_exactly(anna, texts)
        sees_exactly(boris, texts)


class TestRefusedMessage:
    def test_says_why_and_can_be_edited_or_discarded(self, anna_and_boris):
        anna, boris = anna_and_boris
        send(anna, "\u200b\u2060 invisible only \u200b".replace(" invisible only ", ""))
        expect(anna.page.locator(".failure")).to_contain_text("nothing to see")
        anna.page.locator(".failure").get_by_role("button", name="Edit").click()
        expect(anna.page.locator(".failure")).to_have_count(0)
        send(anna, "visible")
        sees_exactly(boris, ["visible"])

    def test_goes_back_to_its_writer_who_was_sent_out_meanwhile(self, anna_and_boris):
        anna, boris = anna_and_boris
        chat_id = make_chat(boris, "Garden", kind="public")
        anna.goto(f"/chats/{chat_id}")
        anna.page.get_by_role("button", name="Join").click()
        expect(anna.page.locator(".chat-head")).to_contain_text("2 members")
        anna.go_offline()
        send(anna, "too late")
        members = api(boris, "GET", f"chats/{chat_id}/members?q=anna")["members"]
        api(boris, "DELETE", f"chats/{chat_id}/members/{members[0]['user']['id']}")
        anna.go_online()
        expect(anna.page.locator("dialog")).to_contain_text("no longer in Garden")
        expect(anna.page.locator("dialog .note")).to_have_text("too late")


class TestDraft:
    def test_survives_a_reload_and_another_chat(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.page.fill("#message", "half a thou")
        anna.page.reload()
        expect(anna.page.locator("#message")).to_have_value("half a thou")

    def test_survives_signing_out(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.page.fill("#message", "half a thou")
        address = anna.page.url
        anna.page.click("#my-menu")
        anna.page.get_by_role("menuitem", name="Sign out").click()
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", "sunny-road-71")
        anna.page.click("main button.primary")
        anna.page.goto(address)
        expect(anna.page.locator("#message")).to_have_value("half a thou")


class TestConnection:
    def test_that_is_signed_out_elsewhere_asks_to_sign_in_and_stops_trying(self, anna_and_boris):
        anna, _ = anna_and_boris
        other = anna.context.new_page()
        other.goto(anna.base_url)
        other.click("#my-menu")
        other.get_by_role("menuitem", name="Sign out").click()
        expect(anna.page.locator("#banner")).to_contain_text("You are signed out")
        expect(anna.page.locator("html")).to_have_attribute("data-connection", "signed-out")

    def test_goes_on_by_http_where_sockets_are_blocked(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        anna.expects("WebSocket")
        sign_up(boris, "boris")
        anna.page.add_init_script(
            "WebSocket = class extends EventTarget {"
            "  constructor() { super(); setTimeout(() => this.onclose({ code: 1006 }), 10); }"
            "  close() {} };"
        )
        anna.goto("/sign-up")
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", "sunny-road-71")
        anna.page.click("main button.primary")
        expect(anna.page.locator("html")).to_have_attribute(
            "data-connection", "polling", timeout=20_000 * PATIENCE
        )
        write_to(anna, "boris", username="boris")
        send(anna, "by another road")
        open_chat(boris, "anna")
        sees(boris, "by another road")
        send(boris, "and back")
        sees_exactly(anna, ["by another road", "and back"])
        wait_until_connected(boris)
