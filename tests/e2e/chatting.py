"""What people do in the chat, in their words: sign up, find somebody, write, read.

Waits for what a person would see; nothing here looks into the page's inner state.
"""

from __future__ import annotations

import re
from typing import Any

from tests.support.browser import Person
from tests.support.playwrights import Locator, expect

PASSWORD = "sunny-road-71"
MESSAGE = ".timeline .message"


def sign_up(person: Person, username: str, *, name: str = "") -> None:
    """Sends the form without drawing its page, which is half the price of most tests."""
    request = person.context.request
    request.get(f"{person.base_url}/sign-up")
    cookies = {cookie["name"]: cookie["value"] for cookie in person.context.cookies()}
    token = next(value for name, value in cookies.items() if name.endswith("csrftoken"))
    answer = request.post(
        f"{person.base_url}/sign-up",
        form={
            "username": username,
            "display_name": name,
            "password": PASSWORD,
            "csrfmiddlewaretoken": token,
        },
        headers={"Referer": f"{person.base_url}/sign-up"},
        max_redirects=0,
    )
    assert answer.status == 302, answer.text()
    person.goto("/")
    wait_until_connected(person)


def sign_up_on_the_page(person: Person, username: str, *, name: str = "") -> None:
    person.goto("/sign-up")
    page = person.page
    page.fill("[name=username]", username)
    page.fill("[name=display_name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    expect(page.locator("#chat-list")).to_be_attached()
    wait_until_connected(person)


def sign_in(person: Person, username: str, *, to: str = "/") -> None:
    person.goto(f"/sign-in?next={to}")
    person.page.fill("[name=username]", username)
    person.page.fill("[name=password]", PASSWORD)
    person.page.click("main button.primary")
    expect(person.page.locator("#chat-list")).to_be_attached()


def wait_until_connected(person: Person) -> None:
    expect(person.page.locator("html")).to_have_attribute("data-connection", "online")


def write_to(person: Person, words: str, *, username: str) -> None:
    """Finds somebody by a part of the name and opens the chat with them."""
    before = person.page.url
    person.page.fill("#filter", words)
    person.page.click(f"#found-people .row:has-text('@{username}')")
    person.page.wait_for_url(lambda url: url != before)
    expect(person.page.locator("#message")).to_be_visible()


def make_chat(person: Person, title: str, *, kind: str = "group") -> int:
    page = person.page
    page.click("#new-chat")
    page.locator(".menu button").nth(1).click()
    page.fill("#chat-title", title)
    page.check(f"input[name=kind][value={kind}]")
    before = page.url
    page.click("dialog button.primary")
    page.wait_for_url(lambda url: url != before)
    return chat_id_of(person)


def chat_id_of(person: Person) -> int:
    found = re.search(r"/chats/(\d+)", person.page.url)
    assert found, person.page.url
    return int(found[1])


def open_chat(person: Person, title: str) -> None:
    person.page.click(f"#chat-list .row:has-text('{title}')")
    expect(person.page.locator("#message")).to_be_visible()


def send(person: Person, text: str) -> None:
    person.page.fill("#message", text)
    person.page.press("#message", "Enter")


def message(person: Person, text: str) -> Locator:
    itself = person.page.locator(".text", has_text=re.compile(rf"^{re.escape(text)}$"))
    return person.page.locator(MESSAGE, has=itself)


def sees(person: Person, text: str) -> None:
    expect(message(person, text)).to_have_count(1)


def texts(person: Person) -> list[str]:
    """The messages on screen, from top to bottom."""
    found: list[str] = person.page.locator(f"{MESSAGE} .text").all_inner_texts()
    return found


def sees_exactly(person: Person, expected: list[str]) -> None:
    """All of them, once each, in this order, with no hole between."""
    expect(person.page.locator(f"{MESSAGE} .text")).to_have_text(expected)
    expect(person.page.locator(".hole")).to_have_count(0)


def state_of(person: Person, text: str) -> Locator:
    """The ticks of one of a person's own messages."""
    return message(person, text).locator(".ticks")


def reaches(person: Person, text: str, *states: str) -> None:
    """A message's ticks come this far, or farther."""
    expect(state_of(person, text)).to_have_class(re.compile(rf"\b({'|'.join(states)})\b"))


def post_many(person: Person, chat_id: int, contents: list[str]) -> None:
    """Writes many messages as this person, over a socket of its own, without the page's help."""
    person.page.evaluate(
        """([chatId, contents]) => new Promise((resolve, reject) => {
          const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/");
          let answers = 0;
          socket.onmessage = ({ data }) => {
            for (const line of data.split("\\n")) {
              const frame = JSON.parse(line);
              if (frame.type === "error") reject(new Error(line));
              if (frame.type === "welcome") {
                contents.forEach((content, place) => socket.send(JSON.stringify({
                  type: "message.send", request_id: String(place), chat_id: chatId, content,
                  client_message_id: crypto.randomUUID() })));
              }
              if (frame.type === "reply") answers += 1;
            }
            if (answers === contents.length) { socket.close(); resolve(null); }
          };
          socket.onclose = () => reject(new Error(`closed after ${answers} answers`));
        })""",
        [chat_id, contents],
    )


def api(person: Person, method: str, path: str, body: Any = None) -> Any:
    """A request of the page's own session."""
    return person.page.evaluate(
        """async ([method, path, body]) => {
          const token = /csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
          const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
          const answer = await fetch("/api/" + path, {
            method, headers, body: body === null ? undefined : JSON.stringify(body) });
          return answer.status === 204 ? null : answer.json();
        }""",
        [method, path, body],
    )
