"""Finding again: search, links to messages, and the way in by an invite link."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.barriers import has_no_barriers
from tests.e2e.chatting import (
    PASSWORD,
    api,
    chat_id_of,
    make_chat,
    message,
    post_many,
    reaches,
    sees,
    send,
    sign_up,
    wait_until_connected,
    write_to,
)
from tests.e2e.network import HeldRequests
from tests.support.playwrights import expect
from tests.support.processes import wait_until
from tests.support.servers import Server, start_server

RESULT = "#search .found"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def on_postgresql(migrated_postgres_url: str) -> Iterator[Server]:
    with start_server(
        migrated_postgres_url, LIMIT_MESSAGES_PER_MINUTE=0, LIMIT_FRAMES_PER_SECOND=0
    ) as running:
        yield running


@pytest.fixture
def anna(server, new_person):
    """With a chat that goes far back."""
    anna = new_person(server)
    sign_up(anna, "anna")
    chat_id = make_chat(anna, "Garden")
    post_many(anna, chat_id, ["the first flower"] + [f"weed {number}" for number in range(150)])
    sees(anna, "weed 149")
    return anna


def search_for(person, words: str) -> None:
    person.page.keyboard.press("Control+Shift+F")
    person.page.fill("#search input", words)


def is_in_view(person, text: str) -> None:
    expect(message(person, text)).to_be_in_viewport()


class TestSearch:
    def test_finds_another_form_of_a_russian_word_and_leads_there(self, on_postgresql, new_person):
        anna = new_person(on_postgresql, locale="ru-RU")
        sign_up(anna, "anna")
        chat_id = make_chat(anna, "Сад")
        post_many(anna, chat_id, ["Перенесём встречу на пятницу"] + ["Хорошо"] * 120)
        expect(anna.page.locator(".message")).not_to_have_count(1)
        search_for(anna, "встречи")
        expect(anna.page.locator(f"{RESULT} mark")).to_have_text("встречу")
        anna.page.press("#search input", "ArrowDown")
        anna.page.keyboard.press("Enter")
        is_in_view(anna, "Перенесём встречу на пятницу")
        expect(anna.page.locator(".message.flash")).to_have_count(1)
        expect(anna.page).to_have_url(f"{anna.base_url}/chats/{chat_id}#1")
        expect(anna.page.locator(RESULT)).to_have_count(1)

    def test_looks_in_one_chat_or_all_and_for_one_person(self, anna, server, new_person):
        boris = new_person(server)
        sign_up(boris, "boris")
        write_to(boris, "anna", username="anna")
        send(boris, "a flower from me")
        results = anna.page.locator(RESULT)
        expect(anna.page.locator("#chat-list .row")).to_have_count(2)
        search_for(anna, "flower")
        expect(results).to_have_count(2)
        expect(results.first).to_contain_text("boris")
        anna.page.select_option("#search select >> nth=1", label="From me")
        expect(results).to_have_count(1)
        anna.page.select_option("#search select >> nth=1", label="boris")
        expect(results).to_contain_text(["a flower from me"])
        anna.page.select_option("#search select >> nth=0", label="In “Garden”")
        expect(anna.page.locator("#search .end")).to_contain_text("Nothing found")
        has_no_barriers(anna)
        anna.page.keyboard.press("Escape")
        expect(anna.page.locator("#search")).to_be_hidden()
        expect(anna.page.locator("#message")).to_be_focused()

    def test_finds_a_naught(self, anna):
        send(anna, "room 0 at noon")
        reaches(anna, "room 0 at noon", "published")
        search_for(anna, "0")
        expect(anna.page.locator(RESULT).first).to_contain_text("room 0 at noon")

    def test_goes_on_further_back(self, anna):
        search_for(anna, "weed")
        expect(anna.page.locator(RESULT)).to_have_count(20)
        anna.page.click("#search .end button")
        expect(anna.page.locator(RESULT)).to_have_count(40)

    def test_shows_only_the_answer_to_the_newest_question(self, anna):
        search = HeldRequests(anna, r"/api/search\?q=flower")
        search_for(anna, "flower")
        expect(anna.page.locator("#search .end")).to_have_text("Loading…")
        anna.page.fill("#search input", "weed 149")
        expect(anna.page.locator(f"{RESULT} mark")).to_have_text(["weed", "149"])
        with anna.page.expect_response("**/api/search?q=flower*"):
            search.let_go()
        expect(anna.page.locator(f"{RESULT} mark")).to_have_text(["weed", "149"])

    def test_says_what_went_wrong_and_tries_again(self, anna):
        anna.expects("503")
        anna.page.route("**/api/search?*", lambda route: route.fulfill(status=503), times=1)
        search_for(anna, "flower")
        anna.page.click("#search .end button:has-text('Try again')")
        expect(anna.page.locator(RESULT)).to_have_count(1)

    def test_on_a_phone_the_back_button_returns_to_the_results(self, server, new_person):
        anna = new_person(server, **PHONE)
        sign_up(anna, "anna")
        chat_id = make_chat(anna, "Garden")
        post_many(anna, chat_id, ["the first flower"] + ["weed"] * 100)
        anna.page.go_back()
        anna.page.tap("#search-messages")
        anna.page.fill("#search input", "flower")
        anna.page.tap(RESULT)
        expect(anna.page.locator("#search")).to_be_hidden()
        is_in_view(anna, "the first flower")
        anna.page.go_back()
        expect(anna.page.locator(RESULT)).to_be_visible()
        anna.page.go_back()
        expect(anna.page.locator("#search")).to_be_hidden()
        expect(anna.page.locator("#chat-list")).to_be_visible()


class TestLinkToAMessage:
    def test_survives_signing_in(self, anna, server, new_person):
        link = f"/chats/{chat_id_of(anna)}#1"
        anna.expects("401")  # what the page asks on its way out
        anna.page.evaluate("() => document.querySelector('#sign-out').submit()")
        anna.page.wait_for_url("**/sign-in")
        anna.goto(link)
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", PASSWORD)
        anna.page.click("main button.primary")
        is_in_view(anna, "the first flower")
        expect(anna.page).to_have_url(anna.base_url + link)

    def test_survives_the_way_over_other_pages(self, server, new_person):
        nina = new_person(server)
        nina.goto("/chats/1#12")
        nina.page.click("text=Русский")
        nina.page.click("text=Создать учётную запись")
        expect(nina.page).to_have_url(f"{nina.base_url}/sign-up?next=/chats/1#12")

    def test_in_a_message_opens_in_the_page(self, anna):
        link = f"{anna.base_url}/chats/{chat_id_of(anna)}#1"
        send(anna, f"look here: {link}")
        anna.page.evaluate("() => { window.isTheSamePage = true; }")
        anna.page.click(f".message a[href='{link}']")
        is_in_view(anna, "the first flower")
        anna.page.click("#pill")
        expect(anna.page.locator(f".message a[href='{link}']")).to_be_in_viewport()
        anna.page.click(f".message a[href='{link}']")
        is_in_view(anna, "the first flower")
        assert anna.page.evaluate("() => window.isTheSamePage")

    @pytest.mark.parametrize("place", ["100000", "99999999999999999999"])
    def test_to_nowhere_says_so_and_shows_the_chat(self, anna, place):
        # The server knows that all of it is read: the chat opens at its end.
        wait_until(lambda: api(anna, "GET", "chats")["chats"][0]["unread"] == 0, seconds=20)
        anna.goto("/profile")
        anna.goto(f"/chats/{chat_id_of_first(anna)}#{place}")
        wait_until_connected(anna)
        expect(anna.page.locator(".toast")).to_contain_text("This message does not exist")
        sees(anna, "weed 149")

    def test_to_one_that_was_deleted_shows_that_it_was(self, anna):
        first = f"/chats/{chat_id_of(anna)}#1"
        anna.page.evaluate("(place) => { location.hash = place; }", "1")
        is_in_view(anna, "the first flower")
        message(anna, "the first flower").hover()
        message(anna, "the first flower").locator(".tools button").last.click()
        anna.page.click(".menu .danger")
        anna.page.click("dialog .danger")
        anna.goto("/profile")
        anna.goto(first)
        expect(anna.page.locator("[data-seq='1'] .gone")).to_be_in_viewport()


def chat_id_of_first(person) -> int:
    return int(
        person.page.evaluate("async () => (await (await fetch('/api/chats')).json()).chats[0].id")
    )


class TestInviteLink:
    def make_link(self, anna) -> str:
        anna.context.grant_permissions(["clipboard-read", "clipboard-write"])
        anna.page.click("#chat-head [aria-haspopup]")
        anna.page.click(".menu button:has-text('Invite by link')")
        anna.page.select_option("dialog select >> nth=1", label="once")
        anna.page.click("dialog button.primary")
        expect(anna.page.locator(".invites li")).to_have_count(1)
        expect(anna.page.locator(".toast")).to_have_text("Copied.")
        link: str = anna.page.evaluate("() => navigator.clipboard.readText()")
        return link.removeprefix(anna.base_url)

    def test_lets_in_a_new_person_who_signs_up_on_the_way(self, anna, server, new_person):
        link = self.make_link(anna)
        assert re.fullmatch(r"/join/[\w-]{43}", link)
        has_no_barriers(anna)
        boris = new_person(server)
        boris.goto(link)
        expect(boris.page.locator("main")).to_contain_text("anna invites you to this chat")
        has_no_barriers(boris)
        boris.page.click("text=Create an account")
        boris.page.fill("[name=username]", "boris")
        boris.page.fill("[name=password]", PASSWORD)
        boris.page.click("main button.primary")
        boris.page.click("main button:has-text('Join')")
        sees(boris, "weed 149")
        send(boris, "here I am")
        anna.page.keyboard.press("Escape")
        sees(anna, "here I am")
        # Used up: nobody else comes in by it.
        nina = new_person(server)
        nina.expects("404")
        nina.goto(link)
        expect(nina.page.locator("h1")).to_have_text("This link does not work")
        has_no_barriers(nina)
        # Who is in the chat goes straight there.
        boris.goto(link)
        sees(boris, "here I am")

    def test_is_taken_back(self, anna, server, new_person):
        link = self.make_link(anna)
        anna.page.click(".invites [aria-label='Revoke']")
        expect(anna.page.locator(".invites li")).to_have_count(0)
        expect(anna.page.locator("dialog .hint")).to_be_visible()
        nina = new_person(server)
        nina.expects("404")
        nina.goto(link)
        expect(nina.page.locator("h1")).to_have_text("This link does not work")


class TestMembers:
    def test_the_owner_hands_the_chat_over(self, anna, server, new_person):
        boris = new_person(server)
        sign_up(boris, "boris")
        anna.page.click("#show-members")
        anna.page.click("#members .side-foot button >> nth=0")
        anna.page.fill("dialog input", "boris")
        anna.page.click("dialog .row")
        anna.page.click("#members [aria-label='More about boris']")
        anna.page.click(".menu button:has-text('Make the owner')")
        anna.page.click("dialog button:has-text('Transfer')")
        rows = anna.page.locator("#members .row")
        expect(rows.filter(has_text="@boris")).to_contain_text("owner")
        expect(rows.filter(has_text="@anna")).to_contain_text("admin")
