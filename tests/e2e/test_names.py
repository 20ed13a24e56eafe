"""Two people of one name, and a bot: nobody is taken for somebody else."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.chatting import api, make_chat, message, send, sign_up
from tests.support.browser import Person
from tests.support.playwrights import expect
from tests.support.servers import Server


def post_by_hook(server: Server, path: str, text: str) -> None:
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{server.url}{path}", body, headers)) as answer:
        assert answer.status == 201


def add(owner: Person, chat_id: int, username: str) -> None:
    (found,) = api(owner, "GET", f"people?q={username}")["people"]
    api(owner, "POST", f"chats/{chat_id}/members", {"user_id": found["id"]})


@pytest.fixture
def boris(server: Server, new_person: Any) -> Person:
    person: Person = new_person(server)
    sign_up(person, "boris", name="Борис")
    return person


class TestTwoOfOneName:
    def test_have_their_usernames_beside_it_and_those_of_other_names_do_not(
        self, server: Server, new_person: Any, boris: Person
    ) -> None:
        anna, other = new_person(server), new_person(server)
        sign_up(anna, "anna", name="Анна Петрова")
        sign_up(other, "mallory", name="Aннa Петрова")  # two Latin letters
        chat_id = make_chat(boris, "Garden")
        for username in ("anna", "mallory"):
            add(boris, chat_id, username)
        for person in (anna, other):
            person.goto(f"/chats/{chat_id}")
        send(boris, "hello")
        send(anna, "I am Anna")
        byline = message(boris, "I am Anna").locator(".byline")
        expect(byline).to_contain_text("Анна Петрова")
        expect(byline).not_to_contain_text("@anna")
        expect(byline.locator(".name")).to_have_attribute("title", "Анна Петрова @anna")
        send(other, "No, I am")
        expect(message(boris, "No, I am").locator(".byline")).to_contain_text("@mallory")
        expect(byline).to_contain_text("@anna")
        expect(message(anna, "hello").locator(".byline")).not_to_contain_text("@boris")
        # Mallory sees that somebody else is called so, too.
        expect(message(other, "I am Anna").locator(".byline")).to_contain_text("@anna")

    def test_are_told_apart_before_one_is_written_to(
        self, server: Server, new_person: Any, boris: Person
    ) -> None:
        for username in ("anna", "mallory"):
            sign_up(new_person(server), username, name="Анна Петрова")
        boris.page.fill("#filter", "Анна")
        rows = boris.page.locator("#found-people .row")
        expect(rows).to_contain_text(["@anna", "@mallory"])
        rows.nth(1).click()
        expect(boris.page.locator("#chat-head")).to_contain_text("@mallory")
        expect(boris.page.locator("#chat-head")).to_contain_text("online")


class TestABot:
    @pytest.mark.parametrize(
        ("locale", "word", "offers"),
        [
            ("en-US", "bot", ["Report…", "Remove from the chat"]),
            ("ru-RU", "бот", ["Пожаловаться…", "Удалить из чата"]),
        ],
    )
    def test_is_marked_in_words_and_is_no_member_to_be_counted(
        self, server: Server, new_person: Any, locale: str, word: str, offers: list[str]
    ) -> None:
        anna = new_person(server, locale=locale)
        sign_up(anna, "anna")
        chat_id = make_chat(anna, "Garden")
        made = api(anna, "POST", f"chats/{chat_id}/webhooks/incoming", {"name": "Builds"})
        post_by_hook(server, made["path"], "Build 17 is green")
        byline = message(anna, "Build 17 is green").locator(".byline")
        expect(byline.locator(".mark")).to_have_text(word)
        row = anna.page.locator("#chat-list .row")
        expect(row).to_contain_text(f"Builds ({word})")
        anna.page.click("#show-members")
        bot = anna.page.locator("#members .row", has_text="Builds")
        expect(bot.locator(".mark")).to_have_text(word)
        expect(anna.page.locator("#members .side-head")).to_contain_text("1 ")
        bot.locator("button").click()
        expect(anna.page.locator(".menu button")).to_have_text(offers)

    def test_does_not_keep_a_message_from_being_read_by_everyone(
        self, server: Server, new_person: Any, boris: Person
    ) -> None:
        chat_id = make_chat(boris, "Garden")
        api(boris, "POST", f"chats/{chat_id}/webhooks/incoming", {"name": "Builds"})
        anna = new_person(server)
        sign_up(anna, "anna")
        add(boris, chat_id, "anna")
        send(boris, "hello")
        anna.goto(f"/chats/{chat_id}")
        expect(message(boris, "hello").locator(".ticks.read")).to_have_count(1)
