"""Reading: long chats, scrolling back, what is new, and how much of it the page holds."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.chatting import (
    api,
    chat_id_of,
    message,
    open_chat,
    post_many,
    reaches,
    sees,
    sees_exactly,
    send,
    sign_up,
    state_of,
    texts,
    wait_until_connected,
    write_to,
)

MOST_NODES = 400

TOP_OF = """(text) => [...document.querySelectorAll(".message")]
  .find((node) => node.querySelector(".text")?.textContent === text)
  .getBoundingClientRect().top"""
FIRST_IN_VIEW = """() => {
  const top = document.querySelector("#scroller").getBoundingClientRect().top;
  const node = [...document.querySelectorAll(".message")]
    .find((one) => one.getBoundingClientRect().top >= top);
  return node.querySelector(".text").textContent;
}"""


@pytest.fixture
def anna_and_boris(server, new_person):
    anna, boris = new_person(server), new_person(server)
    sign_up(boris, "boris")
    sign_up(anna, "anna")
    write_to(anna, "boris", username="boris")
    return anna, boris


def numbered(first: int, last: int) -> list[str]:
    return [f"message {number}" for number in range(first, last + 1)]


def at_bottom(person) -> bool:
    return person.page.evaluate(
        "() => { const s = document.querySelector('#scroller');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 4; }"
    )


def hold_history(person) -> list:
    """From now on its page gets no history; to call what comes together in the list asks for it."""
    held: list = []

    def stand_between(page_side) -> None:
        server_side = page_side.connect_to_server()
        page_side.on_message(
            lambda line: (
                held.append(lambda: server_side.send(line))
                if '"chat.history"' in line
                else server_side.send(line)
            )
        )

    person.page.route_web_socket(re.compile("/ws/"), stand_between)
    return held


class TestOpening:
    def test_that_takes_long_shows_placeholders_until_the_messages_are_there(self, anna_and_boris):
        anna, _ = anna_and_boris
        send(anna, "hello")
        reaches(anna, "hello", "saved", "published")
        held = hold_history(anna)
        anna.goto("/")
        wait_until_connected(anna)
        open_chat(anna, "boris")
        expect(anna.page.locator(".skeleton").first).to_be_visible()
        for ask in held:
            ask()
        sees_exactly(anna, ["hello"])
        expect(anna.page.locator(".skeleton")).to_have_count(0)


class TestScrollingBack:
    def test_loads_older_messages_without_moving_what_is_read(self, anna_and_boris):
        anna, _ = anna_and_boris
        post_many(anna, chat_id_of(anna), numbered(1, 160))
        anna.page.reload()
        sees(anna, "message 160")
        # In one go: older messages are asked for as soon as the scrolling is seen.
        reading, before, count = anna.page.evaluate(
            f"""() => {{
              document.querySelector("#scroller").scrollTop = 300;
              const reading = ({FIRST_IN_VIEW})();
              const count = document.querySelectorAll(".message").length;
              return [reading, ({TOP_OF})(reading), count];
            }}"""
        )
        anna.page.wait_for_function(
            "(count) => document.querySelectorAll('.message').length > count", arg=count
        )
        assert abs(anna.page.evaluate(TOP_OF, reading) - before) <= 2

    def test_reaches_the_beginning_and_comes_back_with_at_most_400_nodes(self, anna_and_boris):
        anna, _ = anna_and_boris
        post_many(anna, chat_id_of(anna), numbered(1, 900))
        anna.page.reload()
        sees(anna, "message 900")
        most = 0
        first = anna.page.locator(".message .text", has_text="message 1").first
        while not anna.page.evaluate(
            "document.querySelector('.message .text').textContent === 'message 1'"
        ):
            oldest = anna.page.evaluate("document.querySelector('.message .text').textContent")
            anna.page.evaluate("document.querySelector('#scroller').scrollTop = 0")
            anna.page.wait_for_function(
                "(was) => document.querySelector('.message .text').textContent !== was", arg=oldest
            )
            most = max(most, anna.page.locator(".message").count())
        expect(first).to_be_attached()
        while not message(anna, "message 900").count():
            newest = texts(anna)[-1]
            anna.page.evaluate(
                "(s => s.scrollTop = s.scrollHeight)(document.querySelector('#scroller'))"
            )
            anna.page.wait_for_function(
                "(was) => [...document.querySelectorAll('.message .text')].at(-1).textContent"
                " !== was",
                arg=newest,
            )
            most = max(most, anna.page.locator(".message").count())
        assert most <= MOST_NODES
        shown = texts(anna)
        assert shown == numbered(900 - len(shown) + 1, 900)

    def test_a_new_message_moves_nothing_and_a_pill_tells_of_it(self, anna_and_boris):
        anna, boris = anna_and_boris
        post_many(boris, chat_id_of(anna), numbered(1, 80))
        sees(anna, "message 80")
        expect(anna.page.locator("#chat-list .badge")).to_have_count(0)
        anna.page.evaluate("document.querySelector('#scroller').scrollTop = 900")
        anna.page.wait_for_function("() => !document.querySelector('#pill').hidden")
        reading = anna.page.evaluate(FIRST_IN_VIEW)
        before = anna.page.evaluate(TOP_OF, reading)
        open_chat(boris, "anna")
        send(boris, "are you there?")
        expect(anna.page.locator("#pill")).to_have_text("1 new")
        assert abs(anna.page.evaluate(TOP_OF, reading) - before) <= 2
        anna.page.click("#pill")
        expect(message(anna, "are you there?")).to_be_in_viewport()
        assert at_bottom(anna)

    def test_sticks_to_the_bottom_while_it_is_there(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        post_many(boris, chat_id_of(boris), numbered(1, 70))
        sees(anna, "message 70")
        expect(message(anna, "message 70")).to_be_in_viewport()
        assert at_bottom(anna)


class TestUnread:
    def test_reading_goes_on_where_it_stopped_below_a_line(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        post_many(boris, chat_id_of(boris), numbered(1, 3))
        sees(anna, "message 3")
        reaches(boris, "message 3", "read")
        address = anna.page.url
        anna.page.goto("about:blank")
        post_many(boris, chat_id_of(boris), numbered(4, 260))
        anna.page.goto(anna.base_url)
        expect(anna.page.locator(".badge").first).to_contain_text("257")
        assert "(257)" in anna.page.title()
        anna.page.goto(address)
        expect(anna.page.locator("li.new")).to_be_in_viewport()
        after_line = anna.page.evaluate(
            "document.querySelector('li.new').nextElementSibling.querySelector('.text').textContent"
        )
        assert after_line == "message 4"
        expect(anna.page.locator("#since")).to_contain_text("257 new since")
        anna.page.click("#pill")
        expect(message(anna, "message 260")).to_be_in_viewport()
        expect(anna.page.locator("#chat-list .badge")).to_have_count(0)
        reaches(boris, "message 260", "read")

    def test_is_not_read_while_nobody_looks(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        send(boris, "first")
        reaches(boris, "first", "read")
        # Chromium under test keeps every page focused: say that nobody looks.
        anna.page.evaluate("document.hasFocus = () => false")
        send(boris, "second")
        sees(anna, "second")
        reaches(boris, "second", "delivered")
        expect(anna.page.locator("#chat-list .badge")).to_contain_text("1")
        expect(anna.page.locator("li.new")).to_have_count(1)
        anna.page.evaluate("document.hasFocus = () => true; dispatchEvent(new Event('focus'))")
        reaches(boris, "second", "read")

    def test_read_on_one_device_is_read_on_all(self, anna_and_boris):
        anna, boris = anna_and_boris
        send(anna, "hello")
        first, second = boris.page, boris.context.new_page()
        second.goto(boris.base_url)
        expect(second.locator("#chat-list .badge")).to_contain_text("1")
        open_chat(boris, "anna")
        expect(first.locator("#chat-list .badge")).to_have_count(0)
        expect(second.locator("#chat-list .badge")).to_have_count(0)


# A socket that loses lines with `loses` in them, and hears what `hear` is given.
LOSSY_SOCKET = """
const Real = WebSocket;
window.WebSocket = class extends Real {
  set onmessage(listener) {
    window.hear = (frame) => listener({ data: JSON.stringify(frame) });
    super.onmessage = ({ data }) => {
      const isKept = (line) => !window.loses || !line.includes(window.loses);
      const lines = data.split("\\n").filter(isKept);
      if (lines.length) listener({ data: lines.join("\\n") });
    };
  }
};
"""


class TestHole:
    def test_is_filled_when_a_later_event_shows_it(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        anna.page.add_init_script(LOSSY_SOCKET)
        anna.page.reload()
        wait_until_connected(anna)
        anna.page.evaluate("window.loses = 'one that gets lost'")
        send(boris, "one that gets lost")
        reaches(boris, "one that gets lost", "published")
        anna.page.evaluate("window.loses = ''")
        send(boris, "the next one")
        sees_exactly(anna, ["one that gets lost", "the next one"])

    def test_is_filled_when_the_heads_show_it(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        anna.page.add_init_script(LOSSY_SOCKET)
        anna.page.reload()
        wait_until_connected(anna)
        anna.page.evaluate("window.loses = 'message.created'")
        send(boris, "nobody heard")
        reaches(boris, "nobody heard", "published")
        assert texts(anna) == []
        # Ahead of what the server has: nothing is asked for without end.
        heads = {str(chat_id_of(anna)): 7}
        anna.page.evaluate("(heads) => { loses = ''; hear({ type: 'heads', heads }); }", heads)
        sees_exactly(anna, ["nobody heard"])

    def test_is_filled_when_events_were_lost(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        chat_id = chat_id_of(anna)
        post_many(boris, chat_id, numbered(1, 3))
        sees(anna, "message 3")
        # Messages, an edit and a delete come while the network is away.
        anna.go_offline()
        post_many(boris, chat_id, numbered(4, 8))
        page = api(boris, "GET", f"chats/{chat_id}/messages")["messages"]
        api(boris, "PATCH", f"messages/{page[1]['id']}", {"content": "message 2, better"})
        api(boris, "DELETE", f"messages/{page[2]['id']}")
        anna.go_online()
        sees(anna, "message 8")
        sees(anna, "message 2, better")
        expect(anna.page.locator(".gone")).to_have_count(1)
        expect(anna.page.locator(".hole")).to_have_count(0)
        assert texts(anna) == ["message 1", "message 2, better", *numbered(4, 8)]


class TestLink:
    def test_to_a_message_opens_the_chat_around_it(self, anna_and_boris):
        anna, _ = anna_and_boris
        chat_id = chat_id_of(anna)
        post_many(anna, chat_id, numbered(1, 300))
        anna.page.goto("about:blank")
        anna.goto(f"/chats/{chat_id}#100")
        expect(message(anna, "message 100")).to_be_in_viewport()
        expect(message(anna, "message 100")).to_be_focused()


class TestTicks:
    def test_say_what_they_mean_in_words(self, anna_and_boris):
        anna, boris = anna_and_boris
        boris.page.goto("about:blank")
        send(anna, "anyone?")
        reaches(anna, "anyone?", "published")
        expect(state_of(anna, "anyone?")).to_have_attribute(
            "title", "Published: handed on to every part of the system"
        )
        expect(state_of(anna, "anyone?")).to_contain_text("Published")
        boris.goto("/")
        reaches(anna, "anyone?", "delivered")
        open_chat(boris, "anna")
        reaches(anna, "anyone?", "read")
        expect(message(anna, "anyone?").locator(".meta")).to_contain_text("Read")
