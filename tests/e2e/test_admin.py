"""Staff in one browser, people in another: what is hidden there vanishes here at once."""

from __future__ import annotations

import pytest

from tests.e2e.barriers import has_no_barriers
from tests.e2e.chatting import make_chat, message, reaches, sees, send, sign_up
from tests.support.browser import Person
from tests.support.playwrights import expect
from tests.support.servers import Server

WORDS = "Buy cheap watches"


@pytest.fixture
def staff(server: Server, new_person) -> Person:
    """A superuser, signed in."""
    person = new_person(server)
    sign_up(person, "olga")
    server.execute("UPDATE chat_user SET is_staff = 1, is_superuser = 1 WHERE username = 'olga'")
    return person


def decide(staff: Person, action: str, reason: str) -> None:
    """From the message's page: the action's button, a reason, yes; back on the message's page."""
    staff.page.click(f".object-tools button:text-is('{action}')")
    staff.page.fill("[name=reason]", reason)
    has_no_barriers(staff)
    staff.page.keyboard.press("Enter")
    expect(staff.page.locator(".messagelist")).to_contain_text("Done: 1")


class TestModeration:
    def test_words_vanish_at_once_and_come_back(self, server, new_person, staff):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Bargains")
        send(ann, WORDS)
        reaches(ann, WORDS, "saved", "published")
        message(ann, WORDS).hover()
        message(ann, WORDS).locator(".tools button").nth(1).click()
        send(ann, "Only today")
        reaches(ann, "Only today", "saved", "published")

        staff.goto("/admin/")
        has_no_barriers(staff)
        staff.goto("/admin/chat/message/?q=@ann")
        has_no_barriers(staff)
        staff.page.locator("#result_list tbody tr", has_text=WORDS).locator("th a").click()
        expect(staff.page.locator("body")).to_contain_text(WORDS)
        has_no_barriers(staff)

        decide(staff, "Hide", "spam")
        expect(ann.page.locator(".gone")).to_have_text("Hidden by a moderator")
        quote = ann.page.locator(".quote span")
        expect(quote).to_have_text("Hidden by a moderator")
        expect(message(ann, WORDS)).to_have_count(0)

        decide(staff, "Restore", "a mistake")
        sees(ann, WORDS)
        expect(quote).to_have_text(WORDS)

        staff.goto("/admin/chat/auditentry/?q=action:message.restored")
        expect(staff.page.locator("#result_list")).to_contain_text("a mistake")
        staff.goto("/admin/chat/auditentry/?q=action:message.hidden")
        expect(staff.page.locator("#result_list")).to_contain_text("spam")
