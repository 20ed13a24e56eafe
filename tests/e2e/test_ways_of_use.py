"""The same chat on a phone, by keyboard alone, in Russian, in the dark, for a screen reader."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from tests.e2e.barriers import small_targets
from tests.e2e.chatting import (
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
from tests.support.playwrights import expect

TEXTS = json.loads((Path(__file__).resolve().parents[1] / "texts.json").read_text())["cases"]
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


class TestPhone:
    def test_shows_one_pane_and_the_back_button_works(self, server, new_person):
        anna = new_person(server, **PHONE)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        expect(anna.page.locator("#composer")).to_be_visible()
        expect(anna.page.locator(".sidebar")).to_be_hidden()
        anna.page.go_back()
        expect(anna.page.locator(".sidebar")).to_be_visible()
        expect(anna.page.locator("#composer")).to_be_hidden()
        anna.page.tap("#chat-list .row")
        expect(anna.page.locator("#composer")).to_be_visible()
        anna.page.tap(".back")
        expect(anna.page.locator(".sidebar")).to_be_visible()

    def test_enter_breaks_the_line_and_the_button_sends(self, server, new_person):
        anna = new_person(server, **PHONE)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.page.fill("#message", "one")
        anna.page.press("#message", "Enter")
        anna.page.locator("#message").press_sequentially("two")
        anna.page.tap(".send")
        expect(anna.page.locator(".message .text")).to_have_text("one\ntwo")

    def test_nothing_is_wider_than_the_screen_and_targets_fit_a_finger(self, server, new_person):
        anna = new_person(server, **PHONE)
        sign_up(anna, "anna", name="Wolfeschlegelsteinhausenbergerdorff" + "x" * 29)
        make_chat(anna, "W" * 80)
        send_by_button(anna, "unbreakable" * 40)
        send_by_button(anna, "```\n" + "long code line " * 20 + "\n```")
        wide = anna.page.evaluate(
            "document.documentElement.scrollWidth > innerWidth ||"
            " document.querySelector('#scroller').scrollWidth"
            " > document.querySelector('#scroller').clientWidth"
        )
        assert not wide
        assert small_targets(anna) == []

    def test_a_tap_on_a_message_opens_its_menu(self, server, new_person):
        anna = new_person(server, **PHONE)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        send_by_button(anna, "tap me")
        reaches(anna, "tap me", "published")
        message(anna, "tap me").locator(".text").tap()
        anna.page.get_by_role("menuitem", name="Reply").tap()
        expect(anna.page.locator(".context")).to_contain_text("tap me")
        message(anna, "tap me").locator(".text").tap()
        expect(anna.page.locator(".menu .caption")).to_contain_text("passed on to every part")

    def test_back_closes_what_lies_over_the_chat(self, server, new_person):
        anna = new_person(server, **PHONE)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        place = anna.page.url
        chosen = {"name": "lake.png", "mimeType": "image/png", "buffer": PICTURE}
        anna.page.set_input_files("#composer input[type=file]", chosen)
        expect(anna.page.locator(".tray li small")).to_have_count(1)
        anna.page.tap(".send")
        picture, large = anna.page.locator(".picture"), anna.page.locator("dialog.lightbox")
        members = anna.page.locator("#members")
        for opener, over in ((picture, large), (anna.page.locator("#show-members"), members)):
            opener.tap()
            expect(over).to_be_visible()
            anna.page.go_back()
            expect(over).to_be_hidden()
            expect(anna.page).to_have_url(place)
            opener.tap()
            expect(over).to_be_visible()
            over.locator("[aria-label=Close]").tap()
            expect(over).to_be_hidden()
        # Each left nothing behind: one step leads to the list.
        anna.page.go_back()
        expect(anna.page.locator(".sidebar")).to_be_visible()


def send_by_button(person, text):
    person.page.fill("#message", text)
    person.page.tap(".send")


class TestKeyboard:
    def test_is_enough_to_sign_up_find_write_edit_and_reply(self, server, new_person):
        boris = new_person(server)
        sign_up(boris, "boris")
        anna = new_person(server)
        keys = anna.page.keyboard
        anna.goto("/sign-up")
        expect(anna.page.locator("[name=username]")).to_be_focused()
        keys.type("anna")
        keys.press("Tab")
        keys.press("Tab")
        keys.type("sunny-road-71")
        keys.press("Enter")
        wait_until_connected(anna)
        keys.press("Control+k")
        keys.type("boris")
        expect(anna.page.locator("#found-people .row")).to_have_count(1)
        keys.press("ArrowDown")
        keys.press("Enter")
        expect(anna.page.locator("#message")).to_be_focused()
        keys.type("first line")
        keys.press("Shift+Enter")
        keys.type("second")
        keys.press("Enter")
        sees_exactly(anna, ["first line\nsecond"])
        expect(message_tools(anna)).to_be_attached()
        keys.press("ArrowUp")
        keys.type(" line")
        keys.press("Enter")
        keys.type("the end")
        keys.press("Enter")
        sees_exactly(anna, ["first line\nsecond line", "the end"])
        reaches(anna, "the end", "published", "delivered")
        # From the field back into the messages, and a reply from there.
        press_until(anna, "Shift+Tab", message(anna, "the end"))
        keys.press("ArrowUp")
        keys.press("Enter")
        expect(anna.page.locator(".menu .caption")).to_contain_text("passed on to every part")
        press_until(anna, "ArrowDown", anna.page.get_by_role("menuitem", name="Reply"))
        keys.press("Enter")
        expect(anna.page.locator("#message")).to_be_focused()
        keys.type("a reply")
        keys.press("Enter")
        expect(anna.page.locator(".quote")).to_contain_text("first line")

    def test_stops_once_at_all_messages_and_then_at_what_is_in_the_one(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        chat_id = make_chat(anna, "Garden")
        post_many(anna, chat_id, [f"see https://example.org/{number}" for number in range(60)])
        sees(anna, "see https://example.org/59")
        anna.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 900; }")
        expect(anna.page.locator("#pill")).to_be_visible()
        press_until(anna, "Shift+Tab", anna.page.locator("#pill"))
        press_until(anna, "Shift+Tab", anna.page.locator(".message:focus"), most=5)
        expect(anna.page.locator(".message:focus")).to_be_in_viewport()
        anna.page.keyboard.press("Shift+Tab")
        expect(anna.page.locator("#scroller")).to_be_focused()
        anna.page.keyboard.press("Tab")
        expect(anna.page.locator(".message:focus")).to_have_count(1)
        anna.page.keyboard.press("Tab")
        expect(anna.page.locator(".message:focus-within a")).to_be_focused()

    def test_tells_of_a_message_on_its_way_what_becomes_of_it(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.go_offline()
        send(anna, "not yet")
        expect(state_of(anna, "not yet")).to_have_class(re.compile("clock"))
        press_until(anna, "Shift+Tab", message(anna, "not yet"))
        anna.page.keyboard.press("Enter")
        expect(anna.page.locator(".toast")).to_contain_text("It is kept in this browser")
        anna.go_online()
        reaches(anna, "not yet", "published")

    def test_keeps_its_place_when_what_it_stands_on_is_drawn_anew(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna")
        sign_up(boris, "boris")
        chat_id = make_chat(anna, "Book club", kind="public")
        send(anna, "shall we?")
        reaches(anna, "shall we?", "published")
        anna.page.locator("#show-members").focus()
        boris.goto(f"/chats/{chat_id}")
        boris.page.get_by_role("button", name="Join").click()
        expect(anna.page.locator(".chat-head p")).to_contain_text("2 members")
        expect(anna.page.locator("#show-members")).to_be_focused()
        react(boris, "shall we?")
        reaction = message(anna, "shall we?").locator(".reaction")
        expect(reaction).to_be_visible()
        press_until(anna, "Tab", reaction)
        anna.page.keyboard.press("Enter")
        expect(reaction).to_have_text("👍2")
        expect(reaction).to_be_focused()
        react(boris, "shall we?")
        expect(reaction).to_have_text("👍1")
        anna.page.keyboard.press("Enter")
        expect(reaction).to_have_count(0)
        expect(message(anna, "shall we?")).to_be_focused()

    def test_escape_ends_one_thing_at_a_time(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        chat_id = make_chat(anna, "Garden")
        post_many(anna, chat_id, [f"word {number}" for number in range(80)])
        sees(anna, "word 79")
        keys, edit = anna.page.keyboard, anna.page.locator("#composer .context")
        anna.page.evaluate("() => { document.querySelector('#scroller').scrollTop = 900; }")
        expect(anna.page.locator("#pill")).to_be_visible()
        in_view = anna.page.locator(".message:focus")
        press_until(anna, "Shift+Tab", in_view)
        keys.press("Enter")
        expect(anna.page.locator(".menu")).to_be_visible()
        keys.press("Escape")
        expect(anna.page.locator(".menu")).to_have_count(0)
        expect(in_view).to_have_count(1)
        expect(anna.page.locator("#pill")).to_be_visible()
        keys.press("Escape")
        expect(anna.page.locator("#pill")).to_be_hidden()
        anna.page.press("#message", "ArrowUp")
        keys.type(", better")
        anna.page.click("#show-members")
        keys.press("Escape")
        expect(anna.page.locator("#members")).to_be_hidden()
        keys.press("Control+k")
        keys.type("gar")
        keys.press("Escape")
        expect(anna.page.locator("#filter")).to_have_value("")
        expect(edit).to_contain_text("Editing")
        expect(anna.page.locator("#message")).to_have_value("word 79, better")
        anna.page.press("#message", "Escape")
        expect(edit).to_be_hidden()

    def test_alt_and_arrows_go_through_the_chats_and_a_dialog_lists_the_keys(
        self, server, new_person
    ):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "First")
        make_chat(anna, "Second")
        expect(anna.page.locator(".chat-head h2")).to_have_text("Second")
        anna.page.keyboard.press("Alt+ArrowDown")
        expect(anna.page.locator(".chat-head h2")).to_have_text("First")
        anna.page.keyboard.press("Alt+ArrowUp")
        expect(anna.page.locator(".chat-head h2")).to_have_text("Second")
        anna.page.focus("#scroller")
        anna.page.keyboard.press("?")
        expect(anna.page.locator("dialog[open]")).to_contain_text("Previous chat")
        anna.page.keyboard.press("Escape")
        expect(anna.page.locator("dialog[open]")).to_have_count(0)

    def test_enter_does_not_send_while_an_input_method_composes(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.page.fill("#message", "nihon")
        anna.page.evaluate(
            """() => document.querySelector("#message").dispatchEvent(
              new KeyboardEvent("keydown", { key: "Enter", bubbles: true, isComposing: true }))"""
        )
        expect(anna.page.locator("#message")).to_have_value("nihon")
        expect(anna.page.locator(".message")).to_have_count(0)

    def test_counts_the_characters_that_are_left_as_the_server_does(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        anna.page.fill("#message", "👍" * 4001)
        expect(anna.page.locator(".counter")).to_have_text("1 character too many")
        expect(anna.page.locator(".send")).to_be_disabled()
        anna.page.fill("#message", "👍" * 4000)
        expect(anna.page.locator(".counter")).to_have_text("4,000 / 4,000")
        anna.page.press("#message", "Enter")
        expect(anna.page.locator(".message .ticks.published")).to_have_count(1)


def message_tools(person):
    return person.page.locator(".message .tools").first


def press_until(person, key, target, most=40):
    """Goes on with one key until it has led there, as somebody without a mouse does."""
    for _ in range(most):
        person.page.keyboard.press(key)
        if target.count() and target.evaluate("(node) => node === document.activeElement"):
            return
    raise AssertionError(f"{key} does not lead there")


def react(person, text):
    """With the first of those that are offered."""
    message(person, text).hover()
    message(person, text).locator(".tools button").first.click()
    person.page.locator(".menu .quick button").first.click()


class TestRussian:
    def test_speaks_it_on_every_page_and_in_errors_of_the_server(self, server, new_person):
        anna = new_person(server, locale="ru-RU")
        anna.goto("/sign-in")
        expect(anna.page.locator("h1")).to_have_text("Войти")
        anna.goto("/sign-up")
        expect(anna.page.locator("h1")).to_have_text("Создать учётную запись")
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", "sunny-road-71")
        anna.page.click("main button.primary")
        wait_until_connected(anna)
        expect(anna.page.locator("#empty h2")).to_have_text("Добро пожаловать, anna")
        make_chat(anna, "Сад")
        expect(anna.page.locator(".chat-head")).to_contain_text("1 участник")
        send(anna, "\u200b\u2060")
        expect(anna.page.locator(".failure")).to_contain_text("нечего увидеть")

    def test_can_be_chosen_and_stays_chosen(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        anna.goto("/profile")
        anna.page.select_option("[name=language]", "ru")
        anna.page.click("main button.primary")
        expect(anna.page.locator(".note")).to_have_text("Сохранено.")
        anna.goto("/")
        expect(anna.page.locator("html")).to_have_attribute("lang", "ru")
        expect(anna.page.locator("#filter")).to_have_attribute("placeholder", re.compile("Найти"))


class TestSystemSettings:
    def test_without_motion_nothing_moves_and_what_is_jumped_to_is_marked(self, server, new_person):
        anna = new_person(server, reduced_motion="reduce")
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        send(anna, "here")
        reaches(anna, "here", "published")
        moving = anna.page.evaluate(
            """() => [...document.querySelectorAll("*")].map((node) => getComputedStyle(node))
              .filter((one) => one.transitionDuration !== "0s" || one.animationName !== "none")
              .length"""
        )
        assert moving == 0
        plain = colour_of(anna, ".bubble", "backgroundColor")
        anna.page.evaluate("() => { location.hash = '1'; }")
        expect(anna.page.locator(".message.flash")).to_have_count(1)
        assert colour_of(anna, ".bubble", "backgroundColor") != plain

    def test_motion_is_shorter_than_a_blink(self, server, new_person):
        anna = new_person(server)
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        send(anna, "here")
        reaches(anna, "here", "published")
        longest = anna.page.evaluate(
            """() => Math.max(...[...document.querySelectorAll("*")].flatMap((node) =>
              getComputedStyle(node).transitionDuration.split(",").map(parseFloat)))"""
        )
        assert 0 < longest < 0.15

    def test_more_contrast_leaves_no_muted_words(self, server, new_person):
        for contrast, are_alike in (("no-preference", False), ("more", True)):
            anna = new_person(server, contrast=contrast)
            sign_up(anna, f"anna-{contrast}")
            make_chat(anna, "Garden")
            muted, text = colour_of(anna, ".chat-head p"), colour_of(anna, ".chat-head h2")
            assert (muted == text) is are_alike

    def test_forced_colours_keep_the_shapes(self, server, new_person):
        anna, boris = new_person(server, forced_colors="active"), new_person(server)
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        write_to(anna, "boris", username="boris")
        send(anna, "hello")
        expect(message(anna, "hello").locator(".bubble")).to_have_css("border-style", "solid")
        row = anna.page.locator("#chat-list .row")
        expect(row).to_have_css("outline-style", "solid")
        expect(row.locator(".dot")).to_be_visible()
        dot = colour_of(anna, "#chat-list .dot", "backgroundColor")
        assert dot != colour_of(anna, "#chat-list .avatar", "backgroundColor")


def colour_of(person, selector: str, what: str = "color") -> str:
    colour: str = person.page.locator(selector).first.evaluate(
        "(node, what) => getComputedStyle(node)[what]", what
    )
    return colour


class TestColours:
    def test_follow_the_system_and_can_be_chosen_without_a_flash(self, server, new_person):
        anna = new_person(server, color_scheme="dark")
        sign_up(anna, "anna")
        assert background(anna) == "dark"
        anna.page.click("#my-menu")
        anna.page.get_by_role("menuitem", name="Light colours").click()
        assert background(anna) == "light"
        # The server draws the page in the chosen colours: nothing has to be changed after loading.
        answer = anna.page.reload()
        assert answer is not None
        assert 'data-theme="light"' in answer.text()
        assert background(anna) == "light"


def background(person) -> str:
    red: int = person.page.evaluate(
        "parseInt(getComputedStyle(document.documentElement).backgroundColor.slice(4))"
    )
    return "light" if red > 127 else "dark"


# What comes within a second comes at once: however long it takes here, it is not over.
HOLD_TIMERS_OF_A_SECOND = """() => {
  const real = setTimeout;
  window.late = [];
  window.setTimeout = (call, ms) => (ms === 1000 ? late.push(call) : real(call, ms));
}"""


class TestScreenReader:
    def test_hears_a_new_message_once_and_many_as_one_sentence(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(boris, "boris")
        sign_up(anna, "anna")
        write_to(anna, "boris", username="boris")
        open_chat(boris, "anna")
        send(boris, "hello")
        spoken = anna.page.locator("#announcer p")
        expect(spoken).to_have_text(["boris: hello"])
        anna.page.evaluate(HOLD_TIMERS_OF_A_SECOND)
        post_many(boris, chat_id_of(boris), [f"word {number}" for number in range(40)])
        sees(anna, "word 39")
        anna.page.evaluate("() => { for (const call of late) call(); }")
        expect(spoken).to_have_text(["boris: hello", "40 new messages from boris"])


class TestNames:
    def test_are_completed_after_an_at_sign(self, server, new_person):
        boris, anna = new_person(server), new_person(server)
        sign_up(boris, "boris", name="Борис")
        sign_up(anna, "anna")
        make_chat(anna, "Book club", kind="public")
        boris.goto(f"/chats/{chat_id_of(anna)}")
        boris.page.get_by_role("button", name="Join").click()
        expect(anna.page.locator(".chat-head p")).to_contain_text("2 members")
        anna.page.locator("#message").press_sequentially("hi @bo")
        expect(anna.page.locator(".names li")).to_have_count(1)
        anna.page.keyboard.press("Enter")
        expect(anna.page.locator("#message")).to_have_value("hi @boris ")
        anna.page.keyboard.press("Enter")
        expect(boris.page.locator(".mention.me")).to_have_text("@boris")
        # Also to somebody else; but not where nobody here is called so.
        expect(anna.page.locator(".mention")).to_have_text("@boris")
        (nobody,) = [case["write"] for case in TEXTS if "mentions" in case]
        send(anna, f"{nobody}, @BORIS")
        expect(anna.page.locator(".mention")).to_have_text(["@boris", "@BORIS"])
        expect(boris.page.locator(".mention")).to_have_text(["@boris", "@BORIS"])
