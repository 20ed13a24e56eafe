"""What two people do first, over real HTTP and real WebSockets: sign in, write, receive."""

from __future__ import annotations

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from chat.management.commands.seed_demo import PASSWORD, PEOPLE

SECONDS = 60  # a shared machine may stand still for a while
TEXT = "Проверка · check ✓"


class CheckFailed(Exception):
    """Raised when the chat does not do what it should; says what it did."""


def send_and_receive(port: int) -> Iterator[str]:
    """Says, step by step, what was seen. Raises CheckFailed and OSError."""
    try:
        yield from _send_and_receive(port)
    except WebSocketException as error:
        raise CheckFailed(f"the socket failed: {error}") from error


def _send_and_receive(port: int) -> Iterator[str]:
    sender, receiver, *_ = PEOPLE
    origin = f"http://127.0.0.1:{port}"
    cookies = [sign_in(origin, username) for username in (sender, receiver)]
    yield f"{sender} and {receiver} signed in"
    with (
        open_socket(port, origin, cookies[0]) as hers,
        open_socket(port, origin, cookies[1]) as his,
    ):
        chats = [chats_of(hers), chats_of(his)]
        shared = [chat for chat in chats[0] if chat in chats[1]]
        if not shared:
            raise CheckFailed(f"{sender} and {receiver} have no chat in common")
        yield f"their sockets are open; they share {len(shared)} chats"
        key = str(uuid.uuid4())
        began = time.monotonic()
        hers.send(json.dumps(message(shared[0], key)))
        reply = wait_for(hers, "reply", request_id="check")
        event = wait_for(his, "message.created", chat_id=shared[0])
        took = (time.monotonic() - began) * 1000
        if event["message"]["content"] != TEXT or event["message"]["client_message_id"] != key:
            raise CheckFailed(f"another message arrived: {event['message']['content']!r}")
        yield f"{sender} wrote “{TEXT}”: saved as number {reply['seq']} of its chat"
        yield f"{receiver} received it, {took:.0f} ms after it was sent"


def message(chat_id: int, client_message_id: str) -> dict[str, Any]:
    return {
        "type": "message.send",
        "request_id": "check",
        "chat_id": chat_id,
        "client_message_id": client_message_id,
        "content": TEXT,
    }


def sign_in(origin: str, username: str) -> str:
    """The Cookie header of this person's session."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = origin + reverse("sign-in")
    with browser.open(address, timeout=SECONDS) as answer:
        page = answer.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if not token:
        raise CheckFailed("the page to sign in has no form")
    fields = {"csrfmiddlewaretoken": token[1], "username": username, "password": PASSWORD}
    form = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(address, form, {"Origin": origin, "Referer": address})
    try:
        browser.open(request, timeout=SECONDS).close()
    except urllib.error.HTTPError as error:
        raise CheckFailed(f"signing in as {username} was answered with {error.code}") from error
    if not any(cookie.name.endswith("sessionid") for cookie in jar):
        raise CheckFailed(
            f"{username} cannot sign in: has the demo password changed? Remove var/ to start over"
        )
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def open_socket(port: int, origin: str, cookies: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{port}/ws/",
        origin=Origin(origin),
        additional_headers={"Cookie": cookies},
        proxy=None,
        open_timeout=SECONDS,
    )


def chats_of(socket: ClientConnection) -> list[int]:
    return [chat["id"] for chat in wait_for(socket, "welcome")["chats"]]


def wait_for(socket: ClientConnection, kind: str, **fields: Any) -> dict[str, Any]:
    """The next object of this type; a frame may carry several, one a line."""
    give_up_at = time.monotonic() + SECONDS
    while time.monotonic() < give_up_at:
        for line in str(socket.recv(timeout=SECONDS)).splitlines():
            seen: dict[str, Any] = json.loads(line)
            if seen["type"] == "error":
                raise CheckFailed(f"the server answered {seen['code']}: {seen.get('detail')}")
            if seen["type"] == kind and fields.items() <= seen.items():
                return seen
    raise CheckFailed(f"no {kind} within {SECONDS} s")
