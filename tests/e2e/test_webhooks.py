"""The dialog of a chat's webhooks: those who manage the chat make, try, watch and end them."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.barriers import has_no_barriers
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
)
from tests.support.playwrights import Locator, expect
from tests.support.processes import wait_until
from tests.support.receivers import Receiver, is_signed
from tests.support.servers import Server, start_server

ENTRY = "dialog .entries li"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def neighbourly_server(
    tmp_path_factory: pytest.TempPathFactory, new_sqlite_url: Callable[[Path], str]
) -> Iterator[Server]:
    """Tells also receivers on this machine, without TLS."""
    with start_server(
        new_sqlite_url(tmp_path_factory.mktemp("web")),
        LIMIT_SIGN_UPS_PER_HOUR=0,
        WEBHOOK_ALLOW_PRIVATE="true",
        WEBHOOK_ALLOW_HTTP="true",
    ) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def owner(server: Server, new_person, username: str, **options):
    """Of a chat of their own, which is open."""
    person = new_person(server, **options)
    sign_up(person, username)
    make_chat(person, "Garden")
    return person


def webhooks_of(person) -> str:
    """The route of the open chat's outgoing webhooks."""
    return f"chats/{chat_id_of(person)}/webhooks"


def open_webhooks(person, label: str = "Webhooks") -> None:
    person.page.click("#chat-head [aria-haspopup]")
    person.page.get_by_role("menuitem", name=label).click()
    expect(dialog(person, label)).to_be_visible()


def dialog(person, title: str) -> Locator:
    return person.page.get_by_role("dialog", name=title, exact=True)


def choose(person, webhook: str, label: str) -> None:
    """In the menu of one outgoing webhook."""
    person.page.get_by_role("button", name=f"More about {webhook}").click()
    person.page.get_by_role("menuitem", name=label).click()


def add_outgoing(person, name: str, url: str) -> None:
    person.page.get_by_role("button", name="Add an outgoing webhook").click()
    person.page.fill("[name=name]", name)
    person.page.fill("[name=url]", url)
    person.page.keyboard.press("Enter")


def is_delivered(person, *, tries: int) -> None:
    """The newest delivery of the chat's one webhook, as its log has it."""
    (webhook,) = api(person, "GET", webhooks_of(person))["webhooks"]
    log = f"{webhooks_of(person)}/{webhook['id']}/deliveries"

    def is_there() -> bool:
        newest = api(person, "GET", log)["deliveries"][0]
        return (newest["type"], newest["status"], newest["attempts"]) == (
            *("message.created", "delivered"),
            tries,
        )

    wait_until(is_there, seconds=10)


def post(url: str, text: str) -> int:
    request = urllib.request.Request(url, json.dumps({"text": text}).encode())
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


class TestOutgoing:
    def test_is_made_tried_and_watched(self, neighbourly_server, new_person, receiver):
        anna = owner(neighbourly_server, new_person, "anna")
        anna.context.grant_permissions(["clipboard-read", "clipboard-write"])
        open_webhooks(anna)
        expect(dialog(anna, "Webhooks")).to_contain_text("to an address of yours")
        add_outgoing(anna, "Mirror", receiver.url)
        expect(dialog(anna, "The secret of Mirror")).to_contain_text("not be shown again")
        has_no_barriers(anna)
        anna.page.keyboard.press("Enter")
        expect(anna.page.locator(".toast")).to_have_text("Copied.")
        secret = anna.page.evaluate("() => navigator.clipboard.readText()")
        expect(anna.page.locator(".once")).to_have_text(secret)
        anna.page.keyboard.press("Escape")
        expect(anna.page.get_by_role("button", name="Add an outgoing webhook")).to_be_focused()
        choose(anna, "Mirror", "Send a test")
        expect(anna.page.locator(ENTRY)).to_contain_text(re.compile(r"arrived: status 204 · \d"))
        expect(anna.page.get_by_role("button", name="More about Mirror")).to_be_focused()
        (test,) = receiver.taken
        assert test.fields["type"] == "webhook.test"
        assert is_signed(test, secret)

        anna.page.keyboard.press("Escape")
        expect(anna.page.locator("dialog[open]")).to_have_count(0)
        send(anna, "the apples are ripe")
        is_delivered(anna, tries=1)
        open_webhooks(anna)
        choose(anna, "Mirror", "Deliveries")
        log = dialog(anna, "Deliveries to Mirror")
        expect(log.locator("li")).to_contain_text(["message.created", "webhook.test"])
        expect(log.locator("li").first).to_contain_text("Delivered · 1 try · status 204")
        has_no_barriers(anna)
        log.get_by_role("button", name="Send again").click()
        is_delivered(anna, tries=2)
        _test, first, second = receiver.taken
        assert first.event_id == second.event_id
        log.get_by_role("button", name="Refresh").click()
        expect(log.locator("li").first).to_contain_text("Delivered · 2 tries")
        anna.page.keyboard.press("Escape")
        expect(anna.page.get_by_role("button", name="More about Mirror")).to_be_focused()

    def test_says_how_it_is_while_its_receiver_fails(
        self, neighbourly_server, new_person, receiver
    ):
        receiver.behave = lambda got, handler: 500
        boris = owner(neighbourly_server, new_person, "boris")
        webhooks = webhooks_of(boris)
        api(boris, "POST", webhooks, {"name": "Mirror", "url": receiver.url})
        send(boris, "the apples are ripe")
        wait_until(lambda: bool(receiver.asked), seconds=10)
        wait_until(lambda: api(boris, "GET", webhooks)["webhooks"][0]["failing_since"], seconds=10)
        open_webhooks(boris)
        entry = boris.page.locator(ENTRY)
        expect(entry).to_contain_text("Failing since")
        expect(entry).to_contain_text("1 waiting")
        choose(boris, "Mirror", "Send a test")
        expect(entry).to_contain_text("The test failed: status 500")
        expect(entry).to_contain_text("The receiver answered with an error.")
        has_no_barriers(boris)
        choose(boris, "Mirror", "Switch off")
        expect(entry).to_contain_text("Switched off · 1 waiting")
        receiver.behave = lambda got, handler: 204
        choose(boris, "Mirror", "Switch on")
        expect(entry).to_contain_text("On")
        wait_until(lambda: len(receiver.taken) == 1, seconds=10)

    def test_gets_another_secret_and_is_deleted_after_a_question(
        self, neighbourly_server, new_person, receiver
    ):
        clara = owner(neighbourly_server, new_person, "clara")
        open_webhooks(clara)
        add_outgoing(clara, "Mirror", receiver.url)
        first = clara.page.locator(".once").inner_text()
        clara.page.keyboard.press("Escape")
        choose(clara, "Mirror", "New secret")
        dialog(clara, "Create a new secret?").get_by_role("button", name="New secret").click()
        second = clara.page.locator(".once").inner_text()
        assert second != first
        clara.page.keyboard.press("Escape")
        choose(clara, "Mirror", "Delete")
        dialog(clara, "Delete Mirror?").get_by_role("button", name="Cancel").click()
        expect(clara.page.locator(ENTRY)).to_have_count(1)
        choose(clara, "Mirror", "Delete")
        dialog(clara, "Delete Mirror?").get_by_role("button", name="Delete").click()
        expect(clara.page.locator(ENTRY)).to_have_count(0)
        expect(clara.page.get_by_role("button", name="Add an outgoing webhook")).to_be_focused()
        assert api(clara, "GET", webhooks_of(clara)) == {"webhooks": []}

    def test_with_a_long_log_shows_it_page_by_page(self, neighbourly_server, new_person, receiver):
        dora = owner(neighbourly_server, new_person, "dora")
        fields = {"name": "Mirror", "url": receiver.url}
        made = api(dora, "POST", webhooks_of(dora), fields)["webhook"]
        delivery = {
            "type": "message.created", "status": "delivered", "attempts": 1, "error": "",
            "response_status": 204, "milliseconds": 5, "created_at": made["created_at"],
            "finished_at": None, "next_attempt_at": None,
        }  # fmt: skip

        def page(route) -> None:
            first = 20 if route.request.url.endswith("?before=21") else 40
            deliveries = [delivery | {"id": first - place} for place in range(20)]
            route.fulfill(json={"deliveries": deliveries, "more": first == 40})

        dora.page.route(f"**/webhooks/{made['id']}/deliveries*", page)
        open_webhooks(dora)
        choose(dora, "Mirror", "Deliveries")
        log = dialog(dora, "Deliveries to Mirror")
        expect(log.locator("li")).to_have_count(20)
        log.get_by_role("button", name="Show more").click()
        expect(log.locator("li")).to_have_count(40)
        expect(log.get_by_role("button", name="Show more")).to_have_count(0)


class TestIncoming:
    def test_posts_as_a_bot_until_it_is_revoked(self, server, new_person):
        anna = owner(server, new_person, "anna")
        anna.context.grant_permissions(["clipboard-read", "clipboard-write"])
        open_webhooks(anna)
        anna.page.get_by_role("button", name="Add an incoming webhook").click()
        anna.page.fill("[name=name]", "Builds")
        anna.page.keyboard.press("Enter")
        expect(dialog(anna, "The address of Builds")).to_be_visible()
        has_no_barriers(anna)
        anna.page.keyboard.press("Enter")
        expect(anna.page.locator(".toast")).to_have_text("Copied.")
        url = anna.page.evaluate("() => navigator.clipboard.readText()")
        assert re.fullmatch(re.escape(server.url) + r"/hooks/[\w-]{43}", url)
        expect(anna.page.locator(".once")).to_have_text(url)

        assert post(url, "Build 17 is green") == 201
        anna.page.keyboard.press("Escape")
        anna.page.keyboard.press("Escape")
        sees(anna, "Build 17 is green")
        expect(message(anna, "Build 17 is green")).to_contain_text("Builds")

        open_webhooks(anna)
        expect(anna.page.locator(ENTRY)).to_contain_text("Last used")
        anna.page.get_by_role("button", name="Revoke Builds").click()
        dialog(anna, "Revoke Builds?").get_by_role("button", name="Revoke").click()
        expect(anna.page.locator(ENTRY)).to_have_count(0)
        expect(anna.page.get_by_role("button", name="Add an incoming webhook")).to_be_focused()
        assert post(url, "Build 18 is green") == 404
        anna.page.keyboard.press("Escape")
        expect(anna.page.locator(".message")).to_have_count(1)


class TestPaused:
    """Whoever made them was removed."""

    @pytest.fixture
    def left_behind(self, neighbourly_server, new_person, receiver):
        """Anna's page, and what Max, an admin whom she has removed, made in her chat."""
        anna = owner(neighbourly_server, new_person, "emma")
        max_ = new_person(neighbourly_server)
        sign_up(max_, "max", name="Max")
        (found,) = api(anna, "GET", "people?q=max")["people"]
        chat = f"chats/{chat_id_of(anna)}"
        api(anna, "POST", f"{chat}/members", {"user_id": found["id"]})
        api(anna, "PATCH", f"{chat}/members/{found['id']}", {"role": "admin"})
        hook = {"name": "Mirror", "url": receiver.url}
        secret = api(max_, "POST", f"{chat}/webhooks", hook)["secret"]
        door = api(max_, "POST", f"{chat}/webhooks/incoming", {"name": "Builds"})["path"]
        api(anna, "DELETE", f"{chat}/members/{found['id']}")
        return anna, secret, neighbourly_server.url + door

    def test_is_told_and_taken_over(self, left_behind, receiver):
        anna, old_secret, old_address = left_behind
        expect(anna.page.locator("#bell")).to_have_accessible_name(re.compile("1 new"))
        anna.page.click("#bell")
        expect(dialog(anna, "Notifications")).to_contain_text(
            re.compile(
                "Max.*is no longer responsible for a webhook of .*Garden.* now paused", re.DOTALL
            )
        )
        anna.page.keyboard.press("Escape")
        send(anna, "while nobody looks after it")
        assert post(old_address, "Build 17 is green") == 404

        open_webhooks(anna)
        why = "Paused: Max, who owned it, is no longer in this chat."
        hooks = dialog(anna, "Webhooks")
        expect(hooks.locator("li", has_text="Mirror")).to_contain_text(why)
        expect(hooks.locator("li", has_text="Builds")).to_contain_text(why)
        has_no_barriers(anna)
        anna.expects("409")
        choose(anna, "Mirror", "Send a test")
        expect(anna.page.locator(".toast")).to_contain_text("Take it over first.")

        hooks.locator("li", has_text="Mirror").get_by_role("button", name="Take over").click()
        question = dialog(anna, "Take over Mirror?")
        expect(question).to_contain_text(receiver.url)
        has_no_barriers(anna)
        question.get_by_role("button", name="Take over").click()
        new_secret = dialog(anna, "The secret of Mirror").locator(".once").inner_text()
        assert new_secret != old_secret
        anna.page.keyboard.press("Escape")
        expect(anna.page.get_by_role("button", name="More about Mirror")).to_be_focused()
        expect(hooks.locator("li", has_text="Mirror")).not_to_contain_text("Paused")

        hooks.locator("li", has_text="Builds").get_by_role("button", name="Take over").click()
        dialog(anna, "Take over Builds?").get_by_role("button", name="Take over").click()
        address = dialog(anna, "The address of Builds").locator(".once").inner_text()
        anna.page.keyboard.press("Escape")
        expect(anna.page.get_by_role("button", name="Revoke Builds")).to_be_focused()
        expect(hooks.get_by_role("button", name="Take over")).to_have_count(0)
        anna.page.keyboard.press("Escape")

        assert post(old_address, "Build 18 is green") == 404
        assert post(address, "Build 19 is green") == 201
        sees(anna, "Build 19 is green")
        wait_until(lambda: bool(receiver.taken), seconds=10)
        assert is_signed(receiver.taken[0], new_secret)
        contents = [got.fields["data"]["content"] for got in receiver.taken]
        assert contents == ["Build 19 is green"]


class TestDialog:
    def test_is_not_offered_to_a_plain_member(self, server, new_person):
        anna = owner(server, new_person, "anna")
        boris = new_person(server)
        sign_up(boris, "boris")
        (found,) = api(anna, "GET", "people?q=boris")["people"]
        api(anna, "POST", f"chats/{chat_id_of(anna)}/members", {"user_id": found["id"]})
        open_chat(boris, "Garden")
        boris.page.click("#chat-head [aria-haspopup]")
        expect(boris.page.get_by_role("menuitem", name="Leave")).to_be_visible()
        expect(boris.page.get_by_role("menuitem", name="Webhooks")).to_have_count(0)

    def test_says_at_the_field_what_is_refused(self, server, new_person):
        anna = owner(server, new_person, "anna")
        anna.expects("400")
        open_webhooks(anna)
        anna.page.get_by_role("button", name="Add an outgoing webhook").click()
        for name, url, field, words in [
            ("Mirror", "ftp://example.org", "url", "This is not a receiver's address."),
            ("Mirror", "http://example.org/hook", "url", "must begin with https"),
            ("  ", "https://127.0.0.1/hook", "name", "nothing visible"),
            ("Mirror", "https://127.0.0.1/hook", "url", "This address cannot be reached"),
        ]:
            anna.page.fill("[name=name]", name)
            anna.page.fill("[name=url]", url)
            anna.page.keyboard.press("Enter")
            expect(anna.page.get_by_role("alert")).to_contain_text(words)
            refused = anna.page.locator("[aria-invalid=true]")
            expect(refused).to_be_focused()
            expect(refused).to_have_attribute("name", field)
            expect(refused).to_have_accessible_description(re.compile(words))
        has_no_barriers(anna)
        assert api(anna, "GET", webhooks_of(anna)) == {"webhooks": []}

    def test_says_when_it_could_not_be_read_and_tries_again(self, server, new_person):
        anna = owner(server, new_person, "anna")
        anna.expects("503")
        anna.page.route("**/webhooks", lambda route: route.fulfill(status=503), times=1)
        open_webhooks(anna)
        expect(dialog(anna, "Webhooks").locator(".problem")).to_contain_text("is not responding")
        has_no_barriers(anna)
        anna.page.get_by_role("button", name="Try again").click()
        expect(dialog(anna, "Webhooks")).to_contain_text("to an address of yours")
        expect(anna.page.locator(".problem")).to_have_count(0)

    def test_speaks_russian_and_fits_on_a_phone(self, server, new_person):
        anna = owner(server, new_person, "anna", locale="ru-RU", color_scheme="dark", **PHONE)
        anna.expects("400")
        wait_until_connected(anna)
        open_webhooks(anna, "Вебхуки")
        anna.page.get_by_role("button", name="Добавить исходящий вебхук").tap()
        anna.page.fill("[name=name]", "Зеркало")
        anna.page.fill("[name=url]", "https://127.0.0.1/hook")
        anna.page.get_by_role("button", name="Создать").tap()
        expect(anna.page.get_by_role("alert")).to_contain_text("К этому адресу нет пути")
        has_no_barriers(anna)
        anna.page.keyboard.press("Escape")
        anna.page.get_by_role("button", name="Добавить входящий вебхук").tap()
        anna.page.fill("[name=name]", "Сборка")
        anna.page.get_by_role("button", name="Создать").tap()
        expect(dialog(anna, "Адрес вебхука «Сборка»")).to_be_visible()
        box = anna.page.locator(".once").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        anna.page.keyboard.press("Escape")
        expect(anna.page.locator(ENTRY)).to_contain_text("Ещё не использовался")
        has_no_barriers(anna)
