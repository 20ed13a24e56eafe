"""Reading: long chats, scrolling back, what is new, and how much of it the page holds."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

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
    texts,
    wait_until_connected,
    write_to,
)
from tests.support.playwrights import expect

MAX_NODES = 400

TOP_OF = """(text) => [...document.querySelectorAll(".message")]
  .find((node) => node.querySelector(".text")?.textContent === text)
  .getBoundingClientRect().top"""
FIRST_IN_VIEW = """() => {
  const top = document.querySelector("#scroller").getBoundingClientRect().top;
  const node = [...document.querySelectorAll(".message")]
    .find((one) => one.getBoundingClientRect().top >= top);
  return node.querySelector(".text").textContent;
}"""
# What is cut by the upper edge, or begins there: its number, and how far below the edge it begins.
READING = """() => {
  const top = document.querySelector("#scroller").getBoundingClientRect().top;
  const node = [...document.querySelectorAll(".message")]
    .find((one) => one.getBoundingClientRect().bottom > top);
  const text = node.querySelector(".text").textContent.split(" ")[0];
  return [text, node.getBoundingClientRect().top - top];
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


def is_at_bottom(person) -> None:
    person.page.wait_for_function(
        "() => { const s = document.querySelector('#scroller');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 4; }"
    )


def scroll_to(person, top: int) -> None:
    person.page.evaluate("(top) => { document.querySelector('#scroller').scrollTop = top; }", top)


def refuse_history(person) -> list:
    """From now on its page is told that the past cannot be read, while the list has something."""
    refuses = [True]

    def stand_between(page_side) -> None:
        server_side = page_side.connect_to_server()

        def pass_on(line) -> None:
            frame = json.loads(line)
            if frame["type"] != "chat.history" or not refuses:
                return server_side.send(line)
            detail = "The past is closed today."
            error = {"type": "error", "code": "unavailable", "detail": detail}
            return page_side.send(json.dumps({**error, "request_id": frame["request_id"]}))

        page_side.on_message(pass_on)

    person.page.route_web_socket(re.compile("/ws/"), stand_between)
    return refuses


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

    def test_that_fails_says_why_and_shows_what_is_written_meanwhile(self, anna_and_boris):
        anna, _ = anna_and_boris
        send(anna, "hello")
        reaches(anna, "hello", "saved", "published")
        refuses = refuse_history(anna)
        anna.goto("/")
        wait_until_connected(anna)
        open_chat(anna, "boris")
        expect(anna.page.locator("#empty")).to_contain_text("could not be loaded")
        expect(anna.page.locator("#empty")).to_contain_text("The past is closed today.")
        send(anna, "and so on")
        sees(anna, "and so on")
        expect(anna.page.locator("#empty")).to_be_hidden()
        anna.page.goto(anna.page.url)
        anna.goto("/")
        wait_until_connected(anna)
        open_chat(anna, "boris")
        refuses.clear()
        anna.page.click("#empty button")
        sees_exactly(anna, ["hello", "and so on"])


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
        assert most <= MAX_NODES
        shown = texts(anna)
        assert shown == numbered(900 - len(shown) + 1, 900)

    def test_that_fails_says_why_until_it_is_asked_for_again(self, anna_and_boris):
        anna, _ = anna_and_boris
        post_many(anna, chat_id_of(anna), numbered(1, 160))
        refuses = refuse_history(anna)
        anna.page.reload()
        wait_until_connected(anna)
        sees(anna, "message 160")
        scroll_to(anna, 0)
        row = anna.page.locator(".hole")
        expect(row).to_contain_text("The past is closed today.")
        shown = len(texts(anna))
        refuses.clear()
        row.get_by_role("button", name="Try again").click()
        anna.page.wait_for_function(
            "(count) => document.querySelectorAll('.message').length > count", arg=shown
        )
        expect(row).to_have_count(0)
        expect(anna.page.locator("#scroller")).to_be_focused()

    def test_that_fails_goes_on_by_itself_when_the_connection_is_back(self, anna_and_boris):
        anna, _ = anna_and_boris
        post_many(anna, chat_id_of(anna), numbered(1, 160))
        anna.page.reload()
        sees(anna, "message 160")
        wait_until_connected(anna)
        anna.go_offline()
        expect(anna.page.locator("html")).not_to_have_attribute("data-connection", "online")
        scroll_to(anna, 0)
        expect(anna.page.locator(".hole")).to_contain_text("no connection")
        shown = len(texts(anna))
        anna.go_online()
        anna.page.wait_for_function(
            "(count) => document.querySelectorAll('.message').length > count", arg=shown
        )
        expect(anna.page.locator(".hole")).to_have_count(0)

    def test_keeps_what_is_read_in_its_place_when_the_page_gets_another_width(self, anna_and_boris):
        anna, _ = anna_and_boris
        long = [f"{number} " + " ".join(["a rather long line"] * 12) for number in range(80)]
        post_many(anna, chat_id_of(anna), long)
        anna.page.reload()
        sees(anna, long[-1])
        scroll_to(anna, 1500)
        expect(anna.page.locator("#pill")).to_be_visible()
        text, before = anna.page.evaluate(READING)
        for width in (800, 1280, 740):
            anna.page.set_viewport_size({"width": width, "height": 720})
            anna.page.wait_for_function(f"(text) => ({READING})()[0] === text", arg=text)
            assert abs(anna.page.evaluate(READING)[1] - before) <= 2

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
        is_at_bottom(anna)

    def test_sticks_to_the_bottom_while_it_is_there(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        post_many(boris, chat_id_of(boris), numbered(1, 70))
        sees(anna, "message 70")
        expect(message(anna, "message 70")).to_be_in_viewport()
        is_at_bottom(anna)


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
        expect(anna.page).to_have_title(re.compile(r"\(257\)"))
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

    def test_is_not_read_while_a_dialog_lies_over_it(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        anna.page.click("#my-menu")
        anna.page.get_by_role("menuitem", name="Keyboard shortcuts").click()
        send(boris, "under the dialog")
        reaches(boris, "under the dialog", "delivered")
        expect(anna.page.locator("#chat-list .badge")).to_contain_text("1")
        anna.page.keyboard.press("Escape")
        reaches(boris, "under the dialog", "read")

    def test_is_not_read_on_a_phone_while_a_panel_lies_over_it(self, server, new_person):
        phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
        anna, boris = new_person(server, **phone), new_person(server)
        sign_up(anna, "anna")
        sign_up(boris, "boris")
        chat_id = make_chat(anna, "Garden", kind="public")
        boris.goto(f"/chats/{chat_id}")
        boris.page.get_by_role("button", name="Join").click()
        anna.page.tap("#show-members")
        expect(anna.page.locator("#members .row")).to_have_count(2)
        expect(boris.page.locator("#message")).to_be_visible()
        send(boris, "under the panel")
        reaches(boris, "under the panel", "delivered")
        anna.page.go_back()
        expect(anna.page.locator("#members")).to_be_hidden()
        reaches(boris, "under the panel", "read")

    def test_read_on_one_device_is_read_on_all(self, anna_and_boris):
        anna, boris = anna_and_boris
        send(anna, "hello")
        first, second = boris.page, boris.context.new_page()
        second.goto(boris.base_url)
        expect(second.locator("#chat-list .badge")).to_contain_text("1")
        open_chat(boris, "anna")
        expect(first.locator("#chat-list .badge")).to_have_count(0)
        expect(second.locator("#chat-list .badge")).to_have_count(0)


# A socket that loses lines with `loses` in them, and hears what `hear` is given; lines with
# `keeps` in them are sent when what is in `kept` is called.
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
  send(line) {
    const go = () => super.send(line);
    if (window.keeps && line.includes(window.keeps)) (window.kept ??= []).push(go);
    else go();
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

    def test_that_is_not_filled_at_once_is_a_row(self, anna_and_boris):
        anna, boris = anna_and_boris
        open_chat(boris, "anna")
        anna.page.add_init_script(LOSSY_SOCKET)
        anna.page.reload()
        wait_until_connected(anna)
        send(boris, "the first")
        sees(anna, "the first")
        anna.page.evaluate("() => { loses = 'one that gets lost'; keeps = 'chat.sync'; }")
        send(boris, "one that gets lost")
        reaches(boris, "one that gets lost", "published")
        anna.page.evaluate("() => { loses = ''; }")
        send(boris, "the next one")
        hole = anna.page.locator(".message + .hole + .message")
        expect(hole).to_contain_text("the next one")
        expect(anna.page.locator(".hole")).to_contain_text("Some messages are missing here")
        anna.page.evaluate("() => { keeps = ''; for (const go of kept) go(); }")
        sees_exactly(anna, ["the first", "one that gets lost", "the next one"])

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
        sees_exactly(anna, ["message 1", "message 2, better", *numbered(4, 8)])
        expect(anna.page.locator(".gone")).to_have_count(1)


class TestLink:
    def test_to_a_message_opens_the_chat_around_it(self, anna_and_boris):
        anna, _ = anna_and_boris
        chat_id = chat_id_of(anna)
        post_many(anna, chat_id, numbered(1, 300))
        anna.page.goto("about:blank")
        anna.goto(f"/chats/{chat_id}#100")
        expect(message(anna, "message 100")).to_be_in_viewport()
        expect(message(anna, "message 100")).to_be_focused()

    def test_that_could_not_be_followed_is_when_the_connection_is_back(self, anna_and_boris):
        anna, _ = anna_and_boris
        chat_id = chat_id_of(anna)
        post_many(anna, chat_id, numbered(1, 300))
        make_chat(anna, "Notes")
        send(anna, f"look: {anna.base_url}/chats/{chat_id}#100")
        reaches(anna, f"look: {anna.base_url}/chats/{chat_id}#100", "published")
        anna.page.reload()
        wait_until_connected(anna)
        anna.go_offline()
        expect(anna.page.locator("html")).not_to_have_attribute("data-connection", "online")
        anna.page.click(".message a")
        expect(anna.page.locator("#empty")).to_contain_text("could not be loaded")
        anna.go_online()
        expect(message(anna, "message 100")).to_be_in_viewport()


class TestDaysAndGroups:
    def test_stand_above_the_first_message_of_a_day_and_of_a_person(
        self, server, new_person, anna_and_boris
    ):
        anna, boris = anna_and_boris
        chat_id = make_chat(anna, "Garden")
        (found,) = api(anna, "GET", "people?q=boris")["people"]
        api(anna, "POST", f"chats/{chat_id}/members", {"user_id": found["id"]})
        open_chat(boris, "Garden")
        post_many(boris, chat_id, ["long ago", "yesterday", "at noon", "a minute later"])
        post_many(anna, chat_id, ["between"])
        post_many(boris, chat_id, ["after", "after ten minutes"])
        noon = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
        minutes = timedelta(minutes=1)
        move(server, chat_id, [
            noon - timedelta(days=400), noon - timedelta(days=1), noon, noon + minutes,
            noon + 2 * minutes, noon + 3 * minutes, noon + 13 * minutes,
        ])  # fmt: skip
        # It is one of those days, also when this runs at midnight.
        anna.page.clock.set_fixed_time(noon + 60 * minutes)
        anna.goto(f"/chats/{chat_id}")
        sees(anna, "after ten minutes")
        days = anna.page.locator("li.day")
        expect(days).to_have_count(3)
        expect(days.nth(0)).to_contain_text(str((noon - timedelta(days=400)).year))
        expect(days.nth(1)).to_have_text("Yesterday")
        expect(days.nth(2)).to_have_text("Today")
        firsts = anna.page.locator(".message.first .text")
        expect(firsts).to_have_text(
            ["long ago", "yesterday", "at noon", "between", "after", "after ten minutes"]
        )
        names = anna.page.locator(".message:not(.own) .byline .name")
        expect(names).to_have_text(["boris"] * 5)
        expect(message(anna, "a minute later").locator(".byline")).to_have_count(0)
        expect(message(anna, "at noon").locator("time")).to_have_text("12:00 PM")

    def test_are_told_anew_when_a_day_ends_in_an_open_page(self, server, anna_and_boris):
        anna, boris = anna_and_boris
        chat_id = chat_id_of(anna)
        post_many(anna, chat_id, ["before", "at noon"])
        noon = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
        move(server, chat_id, [noon - timedelta(days=1), noon])
        boris.page.clock.install(time=noon + timedelta(hours=11, minutes=59, seconds=30))
        boris.goto(f"/chats/{chat_id}")
        sees(boris, "at noon")
        days, listed = boris.page.locator("li.day"), boris.page.locator("#chat-list time")
        expect(days).to_have_text(["Yesterday", "Today"])
        expect(listed).to_have_text(re.compile("12:00"))
        boris.page.clock.fast_forward(31_000)
        expect(days.nth(1)).to_have_text("Yesterday")
        expect(days.nth(0)).not_to_have_text("Yesterday")
        expect(listed).to_have_text(f"{noon:%a}")


def move(server, chat_id: int, moments: list[datetime]) -> None:
    """The chat's messages were written at these moments."""
    for seq, moment in enumerate(moments, 1):
        server.execute(
            "UPDATE chat_message SET created_at = ? WHERE chat_id = ? AND seq = ?",
            [f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}", chat_id, seq],
        )


class TestTicks:
    def test_say_what_they_mean_in_words(self, anna_and_boris):
        anna, boris = anna_and_boris
        boris.page.goto("about:blank")
        send(anna, "anyone?")
        reaches(anna, "anyone?", "published")
        expect(state_of(anna, "anyone?")).to_have_attribute(
            "title", "Published: passed on to every part of the system"
        )
        expect(state_of(anna, "anyone?")).to_contain_text("Published")
        boris.goto("/")
        reaches(anna, "anyone?", "delivered")
        open_chat(boris, "anna")
        reaches(anna, "anyone?", "read")
        expect(message(anna, "anyone?").locator(".meta")).to_contain_text("Read")
