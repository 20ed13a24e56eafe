"""Two people, one of whom looks elsewhere: what she is told, how it is seen, when it is quiet."""

from __future__ import annotations

import re

import pytest

from tests.e2e.chatting import (
    api,
    chat_id_of,
    make_chat,
    message,
    open_chat,
    sees,
    send,
    sign_in,
    sign_up,
    wait_until_connected,
    write_to,
)
from tests.e2e.network import HeldRequests
from tests.support.playwrights import expect

# Stands in for the browser's own window: what was shown, what was closed, and a way to click.
NOTES = """
  window.notes = [];
  window.Notification = class {
    constructor(title, options) {
      Object.assign(this, { title, ...options, isOpen: true });
      // The trial when they are switched on is nobody's message.
      if (options.tag !== "webchat") notes.push(this);
    }
    close() { this.isOpen = false; }
    static permission = "granted";
    static requestPermission = async () => "granted";
  };"""


def badge(person):
    return person.page.locator("#bell .badge")


def mentions(person):
    return person.page.locator("#chat-list .badge.mentions")


def notes(person, page=None):
    """Titles and words of what the browser showed, and whether it is still there."""
    return (page or person.page).evaluate(
        "notes.map(({ title, body, isOpen }) => [title, body, isOpen])"
    )


def rang(person, count):
    person.page.wait_for_function("(count) => notes.length >= count", arg=count)


def switch_on(person):
    person.page.click("#bell")
    person.page.get_by_role("button", name="Turn on browser notifications").click()
    expect(person.page.locator(".toast")).to_contain_text("are on")
    person.page.keyboard.press("Escape")


# Also the tab that had it has heard that it has it no more, and stands in the queue.
IS_THE_ONE_THAT_RINGS = """async () => {
  const { locks } = navigator;
  const own = await locks.request("whose", async () =>
    (await locks.query()).held.find(({ name }) => name === "whose").clientId);
  const { held, pending } = await locks.query();
  const isOf = (lock, isOwn) =>
    lock.name.startsWith("webchat.rings") && (lock.clientId === own) === isOwn;
  return held.some((lock) => isOf(lock, true)) && pending.some((lock) => isOf(lock, false));
}"""


def open_level(person):
    person.page.click("#chat-head [aria-haspopup=menu]")
    person.page.get_by_role("menuitem", name="Notifications").click()


def choose_level(person, level):
    open_level(person)
    with person.page.expect_response(re.compile("/notify$")):
        person.page.check(f"dialog input[value={level}]")


@pytest.fixture
def two(server, new_person):
    """Boris in his chat "Garden", to which anna was added; she looks at the list."""
    boris, anna = new_person(server), new_person(server)
    anna.context.grant_permissions(["notifications"])
    anna.page.add_init_script(NOTES)
    sign_up(boris, "boris")
    sign_up(anna, "anna")
    make_chat(boris, "Garden")
    (found,) = api(boris, "GET", "people?q=anna")["people"]
    api(boris, "POST", f"chats/{chat_id_of(boris)}/members", {"user_id": found["id"]})
    expect(badge(anna)).to_have_text("1")
    return boris, anna


class TestNotifications:
    def test_of_a_mention_wait_and_lead_to_the_message(self, two):
        boris, anna = two
        send(boris, "plain")
        send(boris, "look here, @Anna!")
        expect(mentions(anna)).to_contain_text("@1")
        expect(badge(anna)).to_have_text("2")
        expect(anna.page).to_have_title(re.compile(r"^\(@1 2\) "))
        icon = anna.page.locator("link[rel=icon]")
        expect(icon).to_have_attribute("href", re.compile("mentioned"))
        anna.page.reload()
        expect(badge(anna)).to_have_text("2")
        anna.page.click("#bell")
        rows = anna.page.locator("dialog .row.unread")
        expect(rows).to_have_count(2)
        expect(rows.nth(1)).to_contain_text("added you to")
        rows.first.click()
        sees(anna, "look here, @Anna!")
        expect(message(anna, "look here, @Anna!")).to_be_focused()
        expect(badge(anna)).to_be_hidden()
        expect(mentions(anna)).to_have_count(0)
        expect(anna.page).to_have_title("Garden · Webchat")

    def test_are_seen_on_the_other_device_too(self, server, new_person, two):
        boris, anna = two
        phone = new_person(server)
        sign_in(phone, "anna")
        send(boris, "@anna, one")
        send(boris, "@anna, two")
        for device in (anna, phone):
            expect(badge(device)).to_have_text("3")
        anna.page.click("#bell")
        anna.page.get_by_role("button", name="Mark all as seen").click()
        for device in (anna, phone):
            expect(badge(device)).to_be_hidden()
            expect(mentions(device)).to_have_count(0)
        anna.page.keyboard.press("Escape")
        send(boris, "@anna, three")
        expect(badge(phone)).to_have_text("1")
        open_chat(anna, "Garden")
        expect(badge(phone)).to_be_hidden()

    def test_show_nothing_flashing_up_for_a_chat_that_is_looked_at(self, two):
        boris, anna = two
        open_chat(anna, "Garden")
        expect(badge(anna)).to_be_hidden()
        anna.page.evaluate(
            """() => {
              window.flashes = 0;
              const badge = document.querySelector("#bell .badge");
              new MutationObserver(() => { if (!badge.hidden) flashes += 1; })
                .observe(badge, { attributes: true });
            }"""
        )
        send(boris, "@anna, you see this")
        sees(anna, "@anna, you see this")
        expect(anna.page.locator("#chat-list .badge")).to_have_count(0)
        assert anna.page.evaluate("flashes") == 0

    def test_go_with_a_message_that_is_deleted(self, two):
        boris, anna = two
        send(boris, "@anna, never mind")
        expect(mentions(anna)).to_have_count(1)
        found = api(boris, "GET", f"chats/{chat_id_of(boris)}/messages")["messages"][-1]
        api(boris, "DELETE", f"messages/{found['id']}")
        expect(mentions(anna)).to_have_count(0)
        expect(badge(anna)).to_have_text("1")

    def test_go_with_a_mention_that_is_taken_out(self, two):
        boris, anna = two
        switch_on(anna)
        open_chat(anna, "Garden")
        choose_level(anna, "mentions")
        anna.goto("/")
        wait_until_connected(anna)
        send(boris, "@anna, never mind")
        expect(mentions(anna)).to_have_count(1)
        rang(anna, 1)
        found = api(boris, "GET", f"chats/{chat_id_of(boris)}/messages")["messages"][-1]
        api(boris, "PATCH", f"messages/{found['id']}", {"content": "never mind"})
        expect(mentions(anna)).to_have_count(0)
        assert [is_open for _title, _body, is_open in notes(anna)] == [False]

    def test_say_so_when_there_are_none(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        anna.page.click("#bell")
        expect(anna.page.locator("dialog[open]")).to_contain_text("Nothing yet")


class TestLevel:
    def test_and_a_mute_pressed_right_after_it_are_both_kept(self, two):
        _, anna = two
        open_chat(anna, "Garden")
        open_level(anna)
        answers = HeldRequests(anna, "/notify$")
        anna.page.check("dialog input[value=nothing]")
        anna.page.get_by_role("button", name="For 8 hours").click()
        answers.let_go_of_all()
        expect(anna.page.locator("dialog[open]")).to_contain_text("Muted until")
        expect(anna.page.locator("dialog input[value=nothing]")).to_be_checked()
        (chat,) = api(anna, "GET", "chats")["chats"]
        assert (chat["notify"], bool(chat["muted_until"])) == ("nothing", True)

    def test_of_nothing_and_a_mute_hold_on_every_device(self, server, new_person, two):
        boris, anna = two
        phone = new_person(server)
        sign_in(phone, "anna")
        open_chat(anna, "Garden")
        choose_level(anna, "nothing")
        anna.page.get_by_role("button", name="For 8 hours").click()
        expect(anna.page.locator("dialog[open]")).to_contain_text("Muted until")
        expect(phone.page.locator("#chat-list .muted")).to_be_visible()
        anna.page.get_by_role("button", name="Unmute").click()
        expect(phone.page.locator("#chat-list .muted")).to_have_count(0)
        anna.page.keyboard.press("Escape")
        anna.goto("/")
        send(boris, "@anna, hello?")
        # What is not told is counted still, and quietly.
        expect(phone.page.locator("#chat-list .badge.quiet")).to_contain_text("1")
        expect(mentions(phone)).to_have_count(0)
        expect(phone.page).to_have_title("Webchat")


class TestBrowserNotification:
    def test_is_not_promised_where_the_browser_shows_none_from_a_page(self, server, new_person):
        anna = new_person(server)
        anna.page.add_init_script(
            """window.Notification = class {
              constructor() { throw new TypeError("Illegal constructor"); }
              static permission = "granted";
              static requestPermission = async () => "granted";
            };"""
        )
        sign_up(anna, "anna")
        anna.page.click("#bell")
        anna.page.get_by_role("button", name="Turn on browser notifications").click()
        expect(anna.page.locator(".toast")).to_contain_text(
            "does not show notifications from pages"
        )
        expect(
            anna.page.get_by_role("button", name="Turn on browser notifications")
        ).to_be_visible()

    def test_comes_only_after_it_was_asked_for_and_while_nobody_looks(self, two):
        boris, anna = two
        send(boris, "before")
        expect(anna.page.locator("#chat-list .badge")).to_contain_text("1")
        switch_on(anna)
        send(boris, "**while** away")
        rang(anna, 1)
        assert notes(anna) == [["boris in Garden", "while away", True]]
        open_chat(anna, "Garden")
        anna.page.wait_for_function("() => !notes[0].isOpen")
        send(boris, "looking")
        sees(anna, "looking")
        assert len(notes(anna)) == 1

    def test_leads_to_the_message_and_makes_no_sound(self, two):
        boris, anna = two
        switch_on(anna)
        send(boris, "come here")
        rang(anna, 1)
        assert anna.page.evaluate("notes[0].silent")
        anna.page.evaluate("notes[0].onclick()")
        expect(message(anna, "come here")).to_be_focused()
        assert notes(anna) == [["boris in Garden", "come here", False]]

    def test_is_shown_by_the_tab_that_was_looked_at_last_alone(self, two):
        boris, anna = two
        switch_on(anna)
        other = anna.context.new_page()
        other.add_init_script(NOTES)
        other.goto(anna.base_url)
        expect(other.locator("html")).to_have_attribute("data-connection", "online")
        for looked_at, elsewhere in ((other, anna.page), (anna.page, other)):
            looked_at.bring_to_front()
            looked_at.evaluate("dispatchEvent(new Event('focus'))")
            looked_at.wait_for_function(IS_THE_ONE_THAT_RINGS)
            before = [len(notes(anna, page)) for page in (looked_at, elsewhere)]
            send(boris, f"to one tab {before[0]}")
            looked_at.wait_for_function("(count) => notes.length > count", arg=before[0])
            assert len(notes(anna, elsewhere)) == before[1]

    def test_of_a_chat_on_mentions_tells_of_nothing_else(self, two):
        boris, anna = two
        switch_on(anna)
        open_chat(anna, "Garden")
        choose_level(anna, "mentions")
        anna.page.keyboard.press("Escape")
        anna.goto("/")
        expect(anna.page.locator("html")).to_have_attribute("data-connection", "online")
        send(boris, "plain")
        send(boris, "for @anna")
        rang(anna, 1)
        assert [words for _, words, _ in notes(anna)] == ["for @anna"]

    def test_of_a_muted_chat_never_comes_and_what_concerns_her_is_counted(self, two):
        boris, anna = two
        switch_on(anna)
        open_chat(anna, "Garden")
        open_level(anna)
        anna.page.get_by_role("button", name="Until I unmute it").click()
        expect(anna.page.locator("dialog[open]")).to_contain_text("Muted until you unmute it")
        anna.goto("/")
        expect(anna.page.locator("html")).to_have_attribute("data-connection", "online")
        send(boris, "@anna, hush")
        expect(mentions(anna)).to_contain_text("@1")
        write_to(boris, "anna", username="anna")
        send(boris, "aloud")
        rang(anna, 1)
        assert [words for _, words, _ in notes(anna)] == ["aloud"]
