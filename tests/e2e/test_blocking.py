"""Blocking somebody and reporting, in the browser: what each of the two sees, and what not."""

from __future__ import annotations

import re

from tests.e2e.chatting import (
    api,
    chat_id_of,
    make_chat,
    message,
    open_chat,
    sees,
    send,
    sign_up,
    wait_until_connected,
    write_to,
)
from tests.support.browser import Person
from tests.support.playwrights import expect


def choose(person: Person, anchor: str, words: str) -> None:
    """An entry of a menu, by keyboard alone."""
    person.page.locator(anchor).focus()
    person.page.keyboard.press("Enter")
    entry = person.page.get_by_role("menuitem", name=words, exact=True)
    expect(entry).to_be_visible()
    while not entry.evaluate("(node) => node === document.activeElement"):
        person.page.keyboard.press("ArrowDown")
    person.page.keyboard.press("Enter")


def menu_of_chat(person: Person, words: str) -> None:
    choose(person, "#chat-head button[aria-haspopup=menu]", words)


def cannot_write(person: Person, words: str) -> None:
    expect(person.page.locator("#closed")).to_contain_text(words)
    expect(person.page.locator("#composer")).to_be_hidden()


def can_write(person: Person) -> None:
    expect(person.page.locator("#composer")).to_be_visible()
    expect(person.page.locator("#closed")).to_be_hidden()


def reports(server) -> list[tuple[str, str, str]]:
    return server.execute("SELECT kind, reason, text FROM chat_report ORDER BY id")


class TestBlocking:
    def test_closes_the_direct_chat_for_both_and_unblocking_opens_it(self, anna_and_boris):
        anna, boris = anna_and_boris
        expect(boris.page.locator("#chat-head")).to_contain_text("online")
        menu_of_chat(anna, "Block")
        expect(anna.page.get_by_role("dialog")).to_contain_text("Boris will not be told.")
        anna.page.get_by_role("button", name="Block", exact=True).click()
        cannot_write(anna, "You have blocked Boris. Unblock to write.")
        # Boris is told nothing: to him Anna has gone. Then he tries to write.
        expect(boris.page.locator("#chat-head")).not_to_contain_text("online")
        can_write(boris)
        send(boris, "are you there?")
        cannot_write(boris, "You cannot write to this person.")
        expect(message(boris, "are you there?").locator(".failure")).to_contain_text(
            "You cannot write to this person."
        )
        sees(boris, "hello from Anna")
        anna.page.locator("#closed button").click()
        can_write(anna)
        send(anna, "here again")
        sees(boris, "here again")
        can_write(boris)
        message(boris, "are you there?").get_by_role("button", name="Retry").click()
        sees(anna, "are you there?")

    def test_hides_the_composer_when_the_page_loads_and_offers_no_reactions(self, anna_and_boris):
        anna, boris = anna_and_boris
        menu_of_chat(anna, "Block")
        anna.page.get_by_role("button", name="Block", exact=True).click()
        cannot_write(anna, "You have blocked Boris.")
        for person, words in ((anna, "You have blocked Boris."), (boris, "You cannot write")):
            person.page.reload()
            wait_until_connected(person)
            cannot_write(person, words)
            message(person, "hello from Anna").hover()
            tools = message(person, "hello from Anna").locator(".tools button:visible")
            expect(tools).to_have_count(1)

    def test_is_undone_in_the_list_of_blocked_people(self, anna_and_boris):
        anna, _ = anna_and_boris
        menu_of_chat(anna, "Block")
        anna.page.get_by_role("button", name="Block", exact=True).click()
        cannot_write(anna, "You have blocked Boris.")
        choose(anna, "#my-menu", "Blocked people")
        rows = anna.page.locator("dialog .row")
        expect(rows).to_contain_text("@boris")
        anna.page.get_by_role("button", name="Unblock Boris").click()
        expect(anna.page.locator("dialog[open]")).to_contain_text("You have not blocked anyone.")
        anna.page.keyboard.press("Escape")
        can_write(anna)

    def test_hides_people_where_one_looks_for_them(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna", name="Anna")
        sign_up(boris, "boris", name="Boris")
        (found,) = api(anna, "GET", "people?q=boris")["people"]
        api(anna, "PUT", f"blocks/{found['id']}")
        boris.page.fill("#filter", "anna")
        expect(boris.page.locator("#found-people")).not_to_contain_text("@anna")
        # Anna finds him, marked, and is asked before she writes.
        anna.page.fill("#filter", "boris")
        expect(anna.page.locator("#found-people .row")).to_contain_text("blocked")
        anna.page.click("#found-people .row:has-text('@boris')")
        anna.page.get_by_role("dialog").get_by_role("button", name="Unblock").click()
        expect(anna.page.locator("#message")).to_be_visible()

    def test_and_reporting_are_in_the_list_of_members(self, server, new_person, anna_and_boris):
        anna, boris = anna_and_boris
        make_chat(anna, "Garden")
        (found,) = api(anna, "GET", "people?q=boris")["people"]
        api(anna, "POST", f"chats/{chat_id_of(anna)}/members", {"user_id": found["id"]})
        anna.page.click("#show-members")
        more = "#members [aria-label='More about Boris']"
        choose(anna, more, "Block")
        anna.page.get_by_role("button", name="Block", exact=True).click()
        expect(anna.page.locator(".toast")).to_contain_text("You have blocked Boris.")
        # No name of his is offered, and none of hers to him.
        for person, others in ((anna, "bo"), (boris, "an")):
            open_chat(person, "Garden")
            person.page.fill("#message", "")
            with person.page.expect_response(re.compile("mentionable")):
                person.page.locator("#message").press_sequentially(f"@{others}")
            expect(person.page.locator("#names")).to_be_hidden()
            person.page.fill("#message", "")
        choose(anna, more, "Report…")
        expect(anna.page.get_by_role("dialog")).to_contain_text("Boris (their current name)")

    def test_is_said_in_russian(self, server, new_person):
        anna, boris = new_person(server, locale="ru-RU"), new_person(server, locale="ru-RU")
        sign_up(boris, "boris", name="Борис")
        sign_up(anna, "anna", name="Анна")
        write_to(anna, "boris", username="boris")
        menu_of_chat(anna, "Заблокировать")
        dialog = anna.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Борис об этом не узнает.")
        dialog.get_by_role("button", name="Заблокировать", exact=True).click()
        cannot_write(anna, "Борис: вы заблокировали этого человека. Чтобы написать, разблокируйте.")


class TestReporting:
    def test_a_message_is_done_by_keyboard_and_thanks(self, server, anna_and_boris):
        anna, boris = anna_and_boris
        send(boris, "buy my pills")
        sees(anna, "buy my pills")
        message(anna, "buy my pills").focus()
        anna.page.keyboard.press("Enter")
        more = message(anna, "buy my pills").locator(".tools button[aria-haspopup=menu]")
        if not anna.page.get_by_role("menuitem", name="Report…").is_visible():
            more.focus()
            anna.page.keyboard.press("Enter")
        entry = anna.page.get_by_role("menuitem", name="Report…")
        entry.focus()
        anna.page.keyboard.press("Enter")
        dialog = anna.page.get_by_role("dialog")
        expect(dialog).to_contain_text("A message from Boris.")
        expect(dialog.get_by_label("Spam or advertising")).to_be_focused()
        anna.page.keyboard.press("Space")
        anna.page.keyboard.press("Tab")
        anna.page.keyboard.type("the third time")
        anna.page.keyboard.press("Tab")
        anna.page.keyboard.press("Tab")
        expect(dialog.get_by_role("button", name="Report")).to_be_focused()
        anna.page.keyboard.press("Enter")
        thanks = anna.page.get_by_role("dialog", name="Thank you")
        expect(thanks).to_contain_text("Staff will look at it")
        assert reports(server) == [("message", "spam", "the third time")]
        # What can be done next is at hand.
        thanks.get_by_role("button", name="Block Boris").click()
        expect(anna.page.get_by_role("dialog", name="Block Boris?")).to_be_visible()

    def test_says_why_it_did_not_work_and_keeps_what_was_written(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.expects("503")
        anna.page.route(
            "**/api/reports",
            lambda route: route.fulfill(
                status=503,
                json={"error": {"code": "unavailable", "detail": "Not just now."}},
            ),
        )
        menu_of_chat(anna, "Report…")
        dialog = anna.page.get_by_role("dialog")
        dialog.get_by_label("Something else").check()
        dialog.get_by_role("textbox").fill("my words")
        dialog.get_by_role("button", name="Report").click()
        expect(dialog.get_by_role("alert")).to_have_text("Not just now.")
        expect(dialog.get_by_role("textbox")).to_have_value("my words")

    def test_a_chat_works_on_a_phone(self, server, new_person):
        phone = {"viewport": {"width": 390, "height": 740}, "has_touch": True, "is_mobile": True}
        anna = new_person(server, **phone)
        sign_up(anna, "anna", name="Anna")
        make_chat(anna, "Noise", kind="public")
        anna.page.locator("#chat-head button[aria-haspopup=menu]").tap()
        anna.page.get_by_role("menuitem", name="Report…").tap()
        dialog = anna.page.get_by_role("dialog")
        expect(dialog).to_contain_text("The chat “Noise”.")
        dialog.get_by_text("Violence or threats").tap()
        submit = dialog.get_by_role("button", name="Report")
        submit.scroll_into_view_if_needed()
        submit.tap()
        anna.page.get_by_role("dialog", name="Thank you").get_by_role("button", name="Done").tap()
        expect(anna.page.get_by_role("dialog")).to_have_count(0)
        assert reports(server) == [("chat", "violence", "")]
