"""Every page and state, at a desk and on a phone, light and dark: nothing keeps anybody out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from PIL import Image

from tests.e2e import network
from tests.e2e.barriers import barriers, small_targets
from tests.e2e.chatting import (
    PASSWORD,
    api,
    make_chat,
    message,
    post_many,
    reaches,
    sees,
    sign_up,
    wait_until_connected,
)
from tests.support.browser import Person
from tests.support.playwrights import expect

# Without motion: nothing is measured while it changes.
DESK = {"locale": "en-US", "reduced_motion": "reduce"}
PHONE = {
    "locale": "ru-RU",
    "reduced_motion": "reduce",
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
INVISIBLE = "\u200b\u2060"


class Tour:
    """One person's way through the states. `look` notes what is wrong at each."""

    def __init__(self, person: Person, *, is_phone: bool) -> None:
        self.person = person
        self.page = person.page
        self.is_phone = is_phone
        self.found: dict[str, list[str]] = {}

    def look(self, state: str) -> None:
        found = barriers(self.person)
        self.page.emulate_media(color_scheme="dark")
        found += [f"dark: {one}" for one in barriers(self.person, "color-contrast")]
        self.page.emulate_media(color_scheme="light")
        if self.is_phone:
            found += small_targets(self.person)
        if found:
            self.found[state] = found

    def look_at(self, selector: str, state: str) -> None:
        """Once it is there; afterwards it is closed with Escape."""
        expect(self.page.locator(selector).last).to_be_visible()
        self.look(state)
        self.page.keyboard.press("Escape")
        expect(self.page.locator(selector)).to_have_count(0)

    def choose(self, icon: str) -> None:
        """An entry of the open menu, by its picture: words differ."""
        self.page.locator(f".menu button:has([href='#icon-{icon}'])").click()

    def say(self, text: str) -> None:
        self.page.fill("#message", text)
        self.page.click(".send")

    def open_menu_of(self, text: str) -> None:
        if self.is_phone:
            message(self.person, text).locator(".text").tap()
        else:
            message(self.person, text).hover()
            message(self.person, text).locator(".tools button").last.click()


@pytest.fixture(params=["desk", pytest.param("phone", marks=pytest.mark.long)])
def tour(request, server, new_person) -> Iterator[Tour]:
    is_phone = request.param == "phone"
    person = new_person(server, **(PHONE if is_phone else DESK))
    made = Tour(person, is_phone=is_phone)
    yield made
    assert made.found == {}


@pytest.fixture
def boris(server, new_person) -> Person:
    person = new_person(server)
    sign_up(person, "boris", name="Борис")
    return person


def bring_in(boris: Person, tour: Tour) -> int:
    """Boris adds anna to a chat of his. Returns its id."""
    chat_id = make_chat(boris, "Garden")
    (found,) = api(boris, "GET", "people?q=anna")["people"]
    api(boris, "POST", f"chats/{chat_id}/members", {"user_id": found["id"]})
    expect(tour.page.locator("#chat-list .row")).to_have_count(1)
    return chat_id


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (600, 400), "teal").save(file, "PNG")
    return file.getvalue()


class TestPages:
    def test_around_the_chat(self, tour, server, new_person):
        for path in ("/sign-in", "/sign-up"):
            tour.person.goto(path)
            tour.look(path)
        tour.page.fill("[name=username]", "an na")
        tour.page.fill("[name=password]", "1")
        tour.page.click("main button.primary")
        expect(tour.page.locator(".field-error").first).to_be_visible()
        tour.look("a form with errors")
        sign_up(tour.person, "anna", name="Anna Petrova")
        other = new_person(server)
        other.goto("/sign-in")
        other.page.fill("[name=username]", "anna")
        other.page.fill("[name=password]", PASSWORD)
        other.page.click("main button.primary")
        wait_until_connected(other)
        for path in ("/profile", "/profile/password", "/profile/sign-ins", "/profile/delete"):
            tour.person.goto(path)
            tour.look(path)
        chat_id = make_chat(other, "Garden")
        invite = api(other, "POST", f"chats/{chat_id}/invites", {})["invite"]
        nina = Tour(
            new_person(server, **(PHONE if tour.is_phone else DESK)), is_phone=tour.is_phone
        )
        nina.person.goto(invite["path"])
        nina.look("an invitation")
        nina.person.expects("404")
        nina.person.goto("/join/" + "x" * 43)
        nina.look("an invitation that does not work")
        tour.found |= nina.found

    @pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
    def test_of_an_error(self, tour, name):
        language = "ru" if tour.is_phone else "en"
        with translation.override(language):
            body = render_to_string(f"{name}.html")
        tour.person.expects(r"4\d\d|500")
        tour.page.route(
            "**/broken",
            lambda route: route.fulfill(
                status=int(name[:3]), body=body, content_type="text/html; charset=utf-8"
            ),
        )
        tour.person.goto("/broken")
        expect(tour.page.locator("main.card")).to_have_css("border-radius", "16px")
        tour.look(name)


class TestChat:
    def test_from_the_first_minute_on(self, tour):
        sign_up(tour.person, "anna", name="Anna Petrova")
        tour.look("nothing yet")
        tour.page.click("#new-chat")
        tour.look("the menu of new chats")
        tour.choose("group")
        tour.look_at("dialog", "making a chat")
        tour.page.click("#new-chat")
        tour.choose("public")
        tour.look_at("dialog", "public chats")
        tour.page.click("#my-menu")
        tour.look("one's own menu")
        tour.choose("keyboard")
        tour.look_at("dialog", "keys")
        make_chat(tour.person, "Garden")
        tour.look("an empty chat")
        tour.page.click("#chat-head [aria-haspopup=menu]")
        tour.look("the chat's menu")
        for icon, state in (
            ("edit", "renaming"),
            ("bell", "of what a chat tells"),
            ("plus", "invite links"),
            ("plug", "webhooks"),
            ("leave", "leaving"),
        ):
            tour.choose(icon)
            tour.look_at("dialog", state)
            tour.page.click("#chat-head [aria-haspopup=menu]")
        tour.page.keyboard.press("Escape")

    def test_full_of_everything(self, tour, boris):
        sign_up(tour.person, "anna", name="Anna Petrova")
        chat_id = bring_in(boris, tour)
        expect(tour.page.locator("#bell .badge")).to_have_text("1")
        tour.page.click("#bell")
        expect(tour.page.locator("dialog .row")).to_have_count(1)
        tour.look_at("dialog", "notifications")
        tour.page.click("#chat-list .row")
        post_many(boris, chat_id, ["**Hello** https://example.org `code`\n> quote", "and @anna"])
        tour.say("```\na block of code\n```")
        tour.say("a mistake")
        reaches(tour.person, "a mistake", "published", "delivered", "read")
        found = api(boris, "GET", f"chats/{chat_id}/messages")["messages"]
        api(boris, "POST", "chats/direct", {"user_id": found[-1]["sender"]["id"]})
        api(tour.person, "PATCH", f"messages/{found[-1]['id']}", {"content": "mended"})
        sees(tour.person, "mended")
        tour.open_menu_of("mended")
        tour.look("a message's menu")
        tour.choose("people")
        expect(tour.page.locator("dialog .row")).to_have_count(1)
        tour.look_at("dialog", "who has seen it")
        tour.open_menu_of("mended")
        tour.choose("history")
        tour.look_at("dialog", "edit history")
        tour.open_menu_of("mended")
        tour.choose("trash")
        tour.look_at("dialog", "a question")
        tour.open_menu_of("mended")
        tour.page.click(".menu .quick button >> nth=0")
        expect(tour.page.locator(".reaction")).to_be_visible()
        tour.open_menu_of("and @anna")
        tour.choose("reply")
        tour.look("a reply begun")
        tour.page.set_input_files("#composer input[type=file]", [
            {"name": "lake.png", "mimeType": "image/png", "buffer": picture()},
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"},
        ])  # fmt: skip
        expect(tour.page.locator(".tray li")).to_have_count(2)
        expect(tour.page.locator(".tray progress")).to_have_count(0)
        tour.look("files to send")
        tour.say("with files")
        expect(tour.page.locator(".timeline .file")).to_be_visible()
        reaches(tour.person, "with files", "published", "delivered", "read")
        tour.say(INVISIBLE)
        expect(tour.page.locator(".failure")).to_be_visible()
        tour.page.locator(".message").last.hover()
        tour.look("a chat")
        tour.page.locator("#message").press_sequentially("hi @")
        expect(tour.page.locator(".names li")).to_have_count(2)
        tour.look("names to choose from")
        tour.page.fill("#message", "x" * 4001)
        tour.look("too many characters")
        tour.page.fill("#message", "")
        tour.page.click(".picture")
        tour.look_at("dialog.lightbox", "a picture seen large")
        tour.page.click("#show-members")
        expect(tour.page.locator("#members .row")).to_have_count(2)
        tour.look("members")
        tour.page.keyboard.press("Escape")
        expect(tour.page.locator("#members")).to_be_hidden()
        if tour.is_phone:
            tour.page.click(".back")
            tour.look("the list of chats")
        tour.page.click("#search-messages")
        tour.look("a search to be begun")
        tour.page.fill("#search input", "mended")
        expect(tour.page.locator("#search .found")).to_have_count(1)
        tour.look("what was found")
        tour.page.fill("#search input", "nowhere")
        expect(tour.page.locator("#search .found")).to_have_count(0)
        tour.look("nothing found")

    def test_with_much_that_is_new(self, tour, boris):
        sign_up(tour.person, "anna", name="Anna Petrova")
        chat_id = bring_in(boris, tour)
        post_many(boris, chat_id, [f"word {number}" for number in range(120)])
        tour.person.goto(f"/chats/{chat_id}")
        expect(tour.page.locator("#since")).to_be_visible()
        expect(tour.page.locator("#pill")).to_be_visible()
        tour.look("a line above what is new")

    def test_whose_other_account_is_deleted(self, tour, boris):
        sign_up(tour.person, "anna")
        (found,) = api(boris, "GET", "people?q=anna")["people"]
        chat = api(boris, "POST", "chats/direct", {"user_id": found["id"]})["chat"]
        post_many(boris, chat["id"], ["good bye"])
        tour.person.goto(f"/chats/{chat['id']}")
        boris.goto("/profile/delete")
        boris.page.fill("[name=username]", "boris")
        boris.page.fill("[name=password]", PASSWORD)
        boris.page.click("main button.danger")
        expect(tour.page.locator("#closed")).to_be_visible()
        tour.look("nobody there")

    def test_whose_other_one_is_reported_and_blocked(self, tour, boris):
        sign_up(tour.person, "anna")
        (found,) = api(boris, "GET", "people?q=anna")["people"]
        chat = api(boris, "POST", "chats/direct", {"user_id": found["id"]})["chat"]
        post_many(boris, chat["id"], ["something bad"])
        tour.person.goto(f"/chats/{chat['id']}")
        tour.open_menu_of("something bad")
        tour.choose("flag")
        tour.look_at("dialog", "a report")
        tour.open_menu_of("something bad")
        tour.choose("flag")
        tour.page.locator("dialog .choice").first.click()
        tour.page.click("dialog [type=submit]")
        expect(tour.page.locator("dialog form")).to_have_count(0)
        tour.look_at("dialog", "thanks for it")
        tour.page.click("#chat-head [aria-haspopup=menu]")
        tour.look("a direct chat's menu")
        tour.choose("block")
        expect(tour.page.locator("dialog[open]")).to_be_visible()
        tour.look("asked whether to block")
        tour.page.click("dialog .button.danger")
        expect(tour.page.locator("#closed button")).to_be_visible()
        tour.look("blocked")
        if tour.is_phone:
            tour.page.click(".back")
        tour.page.click("#my-menu")
        tour.choose("block")
        expect(tour.page.locator("dialog .row")).to_have_count(1)
        tour.look_at("dialog", "blocked people")


class TestConnection:
    def test_that_is_slow_or_lost(self, tour, boris):
        network.hand_over(tour.person)
        sign_up(tour.person, "anna")
        chat_id = bring_in(boris, tour)
        post_many(boris, chat_id, ["one", "two"])
        expect(tour.page.locator("#chat-list .badge").first).to_be_visible()
        network.hold(tour.person, '"before_more"')
        tour.page.click("#chat-list .row")
        expect(tour.page.locator(".skeleton").first).to_be_visible()
        tour.look("a chat on its way")
        network.let_go(tour.person, '"before_more"')
        sees(tour.person, "two")
        network.hold(tour.person, "lost words")
        post_many(boris, chat_id, ["lost words", "later words"])
        expect(tour.page.locator(".hole")).to_be_visible()
        tour.look("a hole that is being filled")
        network.let_go(tour.person, "lost words")
        expect(tour.page.locator(".hole")).to_have_count(0)

        tour.person.expects("ERR_FAILED|WebSocket")
        tour.page.route(re.compile("/api/chats$"), lambda route: route.abort())
        network.cut(tour.person)
        tour.open_menu_of("two")
        tour.choose("reply")
        tour.say("not yet sent")
        expect(tour.page.locator("#banner")).to_be_visible()
        expect(tour.page.locator(".ticks.clock")).to_be_visible()
        tour.look("no connection")
        tour.page.unroute(re.compile("/api/chats$"))
        expect(tour.page.locator("html")).to_have_attribute("data-connection", "polling")
        tour.look("by HTTP alone")
        network.mend(tour.person)

    def test_that_ends_because_one_is_signed_out(self, tour):
        sign_up(tour.person, "anna")
        make_chat(tour.person, "Garden")
        tour.person.expects("401")
        other = tour.person.context.new_page()
        sign_out(tour, other)
        expect(tour.page.locator("#banner a")).to_be_visible()
        tour.look("signed out")

    def test_without_which_a_chat_cannot_be_read(self, tour):
        sign_up(tour.person, "anna")
        make_chat(tour.person, "Garden")
        tour.person.goto("/")
        wait_until_connected(tour.person)
        tour.person.go_offline()
        expect(tour.page.locator("html")).not_to_have_attribute("data-connection", "online")
        tour.page.click("#chat-list .row")
        expect(tour.page.locator("#empty h2")).to_be_visible()
        tour.look("a chat that cannot be read")
        tour.person.go_online()


def sign_out(tour: Tour, page: Any) -> None:
    """Like `network.sign_out`, in any language."""
    page.goto(tour.person.base_url)
    page.evaluate("() => document.querySelector('#sign-out').submit()")
    page.wait_for_url("**/sign-in**")
