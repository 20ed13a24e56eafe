"""What was written is sent once, in order, whatever happens in between; it is never lost."""

from __future__ import annotations

import re

import pytest

from tests.e2e.chatting import (
    api,
    chat_id_of,
    make_chat,
    message,
    open_chat,
    post_many,
    reaches,
    sees,
    sees_exactly,
    send,
    sign_up,
    state_of,
    wait_until_connected,
    write_to,
)
from tests.e2e.network import (
    cut,
    hand_over,
    hold,
    is_held,
    let_go,
    mend,
    say,
    sign_in_at,
    sign_out,
    sleep_over,
)
from tests.support.playwrights import expect

TWO_HOURS_MS = 2 * 60 * 60 * 1000
CLOCK_AFTER_MS = 400


@pytest.fixture
def anna_and_boris(server, new_person):
    anna, boris = new_person(server), new_person(server)
    hand_over(anna)
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
        assert is_marked(anna)
        sees_exactly(anna, ["the same"])

    @pytest.mark.parametrize("first", ["the reply", "the event", "the history"])
    def test_becomes_the_message_whatever_tells_of_it_first(self, anna_and_boris, first):
        anna, _ = anna_and_boris
        hold(anna, REPLY, EVENT)
        send(anna, "told of thrice")
        mark(anna)
        is_held(anna, REPLY)
        is_held(anna, EVENT)
        if first == "the history":
            chat = api(anna, "GET", f"chats/{chat_id_of(anna)}")["chat"]
            say(anna, {"type": "heads", "heads": {str(chat["id"]): chat["revision"]}})
        else:
            let_go(anna, REPLY if first == "the reply" else EVENT)
        reaches(anna, "told of thrice", "saved", "published", "delivered", "read")
        for part in (REPLY, EVENT):
            let_go(anna, part)
        sees_exactly(anna, ["told of thrice"])
        assert is_marked(anna)
        anna.page.wait_for_function(
            "() => !Object.keys(localStorage).some((key) => key.includes('outbox'))"
        )


# Only the reply to a message that was sent has this, and only the event of a new one begins so.
REPLY, EVENT = '"duplicate"', '{"type":"message.created","chat_id"'


def mark(person):
    person.page.evaluate("() => { document.querySelector('.message').marked = true; }")


def is_marked(person) -> bool:
    marked: bool = person.page.evaluate("document.querySelector('.message').marked === true")
    return marked


class TestUnsentMessage:
    def test_shows_no_clock_before_four_tenths_of_a_second(self, anna_and_boris):
        anna, _ = anna_and_boris
        hold(anna, REPLY, EVENT)
        anna.page.fill("#message", "takes its time")
        waited = anna.page.evaluate(
            """() => new Promise((resolve) => {
              const start = performance.now();
              const look = () => document.querySelector(".ticks.clock")
                && resolve(performance.now() - start);
              new MutationObserver(look).observe(document.querySelector("#timeline"),
                { subtree: true, childList: true, attributes: true });
              document.querySelector(".send").click();
            })"""
        )
        assert waited >= CLOCK_AFTER_MS

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

    def test_asks_first_in_a_page_that_was_asleep_for_more_than_an_hour(self, anna_and_boris):
        anna, boris = anna_and_boris
        anna.go_offline()
        send(anna, "old news")
        sleep_over(anna, TWO_HOURS_MS)
        anna.go_online()
        wait_until_connected(anna)
        expect(message(anna, "old news")).to_contain_text("never sent")
        send(anna, "newer")
        sees_exactly(boris, ["newer"])
        # Whoever says so is not asked again.
        anna.go_offline()
        message(anna, "old news").get_by_role("button", name="Send").click()
        anna.go_online()
        sees_exactly(boris, ["newer", "old news"])

    def test_of_a_tab_that_is_signed_out_is_sent_by_the_next(self, anna_and_boris):
        anna, boris = anna_and_boris
        address = anna.page.url
        cut(anna)
        send(anna, "left behind")
        expect(message(anna, "left behind")).to_have_class(re.compile("pending"))
        other = anna.context.new_page()
        sign_out(anna, other)
        mend(anna)
        expect(anna.page.locator("html")).to_have_attribute("data-connection", "signed-out")
        sign_in_at(anna, other, "anna", address)
        sees_exactly(boris, ["left behind"])

    def test_reads_nothing_that_came_while_it_waited(self, anna_and_boris):
        anna, boris = anna_and_boris
        anna.go_offline()
        send(anna, "written first")
        anna.page.close()
        post_many(boris, chat_id_of(boris), [f"missed {number}" for number in range(1, 6)])
        anna.go_online()
        anna.page = anna.context.new_page()
        anna.goto("/")
        sees(boris, "written first")
        # What her page has to tell of the messages before, it tells with this one at the latest.
        send(boris, "one more")
        reaches(boris, "one more", "delivered")
        expect(state_of(boris, "missed 5")).to_have_class(re.compile("delivered"))
        expect(anna.page.locator("#chat-list .badge")).to_contain_text("7")
        anna.page.reload()
        expect(anna.page.locator("#chat-list .badge")).to_contain_text("7")
        open_chat(anna, "boris")
        reaches(boris, "missed 5", "read")

    def test_is_on_screen_where_newer_messages_are_not(self, anna_and_boris):
        anna, boris = anna_and_boris
        chat_id = chat_id_of(anna)
        post_many(boris, chat_id, [f"message {number}" for number in range(1, 301)])
        anna.page.goto("about:blank")
        anna.goto(f"/chats/{chat_id}#100")
        expect(message(anna, "message 100")).to_be_in_viewport()
        anna.go_offline()
        send(anna, "from the past")
        expect(message(anna, "from the past")).to_be_in_viewport()
        expect(message(anna, "message 300")).to_have_count(0)
        anna.go_online()
        reaches(anna, "from the past", "published", "delivered", "read")
        expect(message(anna, "from the past")).to_be_in_viewport()
        sees(anna, "message 300")

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
        wait_until_connected(anna)
        wait_until_connected(boris)
        sees_exactly(anna, texts)
        sees_exactly(boris, texts)


INVISIBLE = "\u200b\u2060\u200b"


class TestRefusedMessage:
    def test_says_why_and_can_be_edited(self, anna_and_boris):
        anna, boris = anna_and_boris
        send(anna, INVISIBLE)
        expect(anna.page.locator(".failure")).to_contain_text("nothing visible")
        anna.page.locator(".failure").get_by_role("button", name="Edit").click()
        expect(anna.page.locator(".failure")).to_have_count(0)
        send(anna, "visible")
        sees_exactly(boris, ["visible"])

    def test_can_be_discarded_and_holds_nothing_up(self, anna_and_boris):
        anna, boris = anna_and_boris
        send(anna, INVISIBLE)
        expect(anna.page.locator(".failure")).to_be_visible()
        send(anna, "the next")
        sees_exactly(boris, ["the next"])
        anna.page.locator(".failure").get_by_role("button", name="Discard").click()
        sees_exactly(anna, ["the next"])
        anna.page.reload()
        sees_exactly(anna, ["the next"])

    def test_goes_out_when_it_is_tried_again_and_the_reason_is_gone(self, anna_and_boris):
        anna, boris = anna_and_boris
        hold(anna, REPLY, EVENT)
        send(anna, "second time")
        is_held(anna, REPLY)
        # The server's "no", in the place of its answer.
        refusal = {"code": "forbidden", "detail": "Not today."}
        anna.page.evaluate(
            """(refusal) => {
              const { request_id } = JSON.parse(line.held.find((one) => one.includes("duplicate")));
              line.held = [];
              line.holds = [];
              line.hear(JSON.stringify({ type: "error", request_id, ...refusal }));
            }""",
            refusal,
        )
        expect(anna.page.locator(".failure")).to_contain_text("Not today.")
        anna.page.locator(".failure").get_by_role("button", name="Retry").click()
        reaches(anna, "second time", "published", "delivered", "read")
        sees_exactly(anna, ["second time"])
        sees_exactly(boris, ["second time"])

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
        expect(anna.page.locator("dialog[open]")).to_contain_text("no longer in Garden")
        expect(anna.page.locator("dialog .note")).to_have_text("too late")

    def test_goes_back_to_its_writer_who_comes_again_after_being_sent_out(self, anna_and_boris):
        anna, boris = anna_and_boris
        chat_id = make_chat(boris, "Garden", kind="public")
        api(anna, "POST", f"chats/{chat_id}/join")
        anna.goto(f"/chats/{chat_id}")
        wait_until_connected(anna)
        anna.go_offline()
        send(anna, "too late")
        anna.page.close()
        members = api(boris, "GET", f"chats/{chat_id}/members?q=anna")["members"]
        api(boris, "DELETE", f"chats/{chat_id}/members/{members[0]['user']['id']}")
        anna.go_online()
        anna.context.grant_permissions(["clipboard-read", "clipboard-write"])
        # Closed without a word, it comes back: nowhere else are these words.
        for answer in ("Copy the text", "Discard"):
            anna.page = anna.context.new_page()
            anna.goto("/")
            expect(anna.page.locator("dialog .note")).to_have_text("too late")
            anna.page.get_by_role("button", name=answer).click()
            if answer == "Copy the text":
                expect(anna.page.locator(".toast")).to_have_text("Copied.")
                assert anna.page.evaluate("navigator.clipboard.readText()") == "too late"
                anna.page.keyboard.press("Escape")
                expect(anna.page.locator("dialog[open]")).to_have_count(0)
            anna.page.close()
        anna.page = anna.context.new_page()
        anna.goto("/")
        wait_until_connected(anna)
        expect(anna.page.locator("dialog[open]")).to_have_count(0)
