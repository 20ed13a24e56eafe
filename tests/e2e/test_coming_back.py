"""Who was removed stays out until let back; who left is asked, and answers for themselves."""

from __future__ import annotations

import pytest

from tests.e2e.barriers import has_no_barriers
from tests.e2e.chatting import (
    api,
    chat_id_of,
    make_chat,
    open_chat,
    sees,
    send,
    sign_up,
)
from tests.support.playwrights import expect

TO_MANAGERS = "Ask one of the people who manage it to let you back in"


@pytest.fixture
def two(server, new_person):
    """Anna in her chat "Garden", to which boris was added."""
    anna, boris = new_person(server), new_person(server)
    sign_up(anna, "anna")
    sign_up(boris, "boris")
    make_chat(anna, "Garden")
    add(anna, "boris")
    open_chat(boris, "Garden")
    return anna, boris


def add(person, name: str) -> None:
    show_members(person)
    person.page.click("#members .side-foot button:has-text('Add people')")
    person.page.fill("dialog input", name)
    person.page.click("dialog .row")
    expect(person.page.locator("dialog[open]")).to_have_count(0)


def show_members(person) -> None:
    if not person.page.locator("#members").is_visible():
        person.page.click("#show-members")
    expect(person.page.locator("#members .row").first).to_be_visible()


def remove(person, name: str) -> None:
    show_members(person)
    person.page.click(f"#members [aria-label='More about {name}']")
    person.page.click(".menu button:has-text('Remove from the chat')")
    expect(person.page.locator("dialog[open]")).to_contain_text("cannot return until")
    person.page.click("dialog .danger")


def show_removed(person) -> None:
    show_members(person)
    person.page.click("#members .side-foot button:has-text('Removed people')")


def leave(person) -> None:
    person.page.click("#chat-head [aria-label='More']")
    person.page.click(".menu .danger")
    person.page.click("dialog .danger")
    expect(person.page.locator("#chat-list .row")).to_have_count(0)


class TestRemoved:
    def test_stays_out_until_let_back_and_then_comes_by_the_same_link(self, two):
        anna, boris = two
        made = api(anna, "POST", f"chats/{chat_id_of(anna)}/invites", {})
        link = made["invite"]["path"]
        show_removed(anna)
        expect(anna.page.locator("dialog[open]")).to_contain_text("Nobody has been removed")
        anna.page.keyboard.press("Escape")
        remove(anna, "boris")
        expect(boris.page.locator(".toast")).to_contain_text("You are no longer in Garden")
        boris.expects("403")
        boris.goto(link)
        expect(boris.page.locator("main")).to_contain_text(TO_MANAGERS)
        expect(boris.page.locator("main form")).to_have_count(0)
        has_no_barriers(boris)
        # Nor by anna's hand before she has let him back.
        anna.expects("409")
        anna.page.click("#members .side-foot button:has-text('Add people')")
        anna.page.fill("dialog input", "boris")
        anna.page.click("dialog .row")
        expect(anna.page.locator("dialog .toast")).to_contain_text("Let them back in first")
        anna.page.keyboard.press("Escape")
        show_removed(anna)
        expect(anna.page.locator("dialog .row")).to_contain_text("removed by anna")
        has_no_barriers(anna)
        anna.page.click("dialog [aria-label='Let boris back in']")
        anna.page.click("dialog .danger")
        expect(anna.page.locator("dialog[open]")).to_contain_text("Nobody has been removed")
        expect(anna.page.locator("#members .row")).to_have_count(1)
        boris.goto(link)
        boris.page.click("main button:has-text('Join')")
        expect(anna.page.locator("#members .row")).to_have_count(2)
        send(boris, "here again")
        anna.page.keyboard.press("Escape")
        sees(anna, "here again")

    def test_is_told_so_where_everybody_may_join(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna")
        sign_up(boris, "boris")
        chat_id = make_chat(anna, "Square", kind="public")
        api(boris, "POST", f"chats/{chat_id}/join")
        expect(boris.page.locator("#chat-list .row")).to_have_count(1)
        remove(anna, "boris")
        expect(boris.page.locator("#chat-list .row")).to_have_count(0)
        boris.expects("403")
        boris.page.fill("#filter", "Square")
        boris.page.click("#found-people .row:has-text('Square')")
        expect(boris.page.locator(".toast").last).to_contain_text(TO_MANAGERS)
        boris.goto(f"/chats/{chat_id}")
        expect(boris.page.locator("#empty")).to_contain_text(TO_MANAGERS)
        expect(boris.page.locator("#empty button")).to_have_text(["To my chats"])


class TestWhoLeft:
    def test_is_invited_and_comes_back_by_accepting(self, two):
        anna, boris = two
        leave(boris)
        add(anna, "boris")
        expect(anna.page.locator(".toast").last).to_contain_text("they have to accept")
        expect(boris.page.locator("#bell .badge")).to_have_text("1")
        expect(boris.page.locator("#chat-list .row")).to_have_count(0)
        boris.page.click("#bell")
        row = boris.page.locator("dialog .row")
        expect(row).to_contain_text("invites you back to")
        expect(row).to_contain_text("Garden")
        has_no_barriers(boris)
        row.locator("button:has-text('Come back')").click()
        expect(boris.page.locator("#chat-head h2")).to_have_text("Garden")
        expect(boris.page.locator("#bell .badge")).to_be_hidden()
        expect(anna.page.locator("#members .row")).to_have_count(2)
        send(boris, "glad to be back")
        anna.page.keyboard.press("Escape")
        sees(anna, "glad to be back")

    def test_may_decline(self, two):
        anna, boris = two
        leave(boris)
        add(anna, "boris")
        boris.page.click("#bell")
        boris.page.click("dialog .row button:has-text('Decline')")
        expect(boris.page.locator("dialog .toast")).to_contain_text("Declined")
        expect(boris.page.locator("dialog .row button")).to_have_count(0)
        expect(boris.page.locator("#bell .badge")).to_be_hidden()
        expect(anna.page.locator("#members .row")).to_have_count(1)
        anna.expects("409")
        anna.page.click("#members .side-foot button:has-text('Add people')")
        anna.page.fill("dialog input", "boris")
        anna.page.click("dialog .row")
        expect(anna.page.locator("dialog .toast")).to_contain_text("declined recently")
