"""A real Chromium for the end-to-end tests, and people who use the chat in it.

Each person has a browser context of their own (cookies, storage). What goes wrong in it, a console
error, an exception, a failed request, is written down; the test's end looks at the list.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.processes import ServiceMissing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Like all that tests start, it speaks to nobody beyond this machine (see loopback.py).
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def find() -> str:
    """The browser of this machine: playwright's own download is never used.

    The shell is Chromium without windows: a page costs it a fifth of the processor.
    """
    given = os.environ.get("TEST_CHROMIUM")
    for program in (given, "chromium-headless-shell", "chromium", "google-chrome"):
        if program and (found := shutil.which(program)):
            return found
    raise ServiceMissing("Chromium is not on this machine.", "chromium-headless-shell")


@dataclass
class Person:
    """One person's browser. `page` is their tab; `complaints` is what went wrong in all tabs."""

    context: BrowserContext
    base_url: str
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("page", self._listen)
        self.page = self.context.new_page()

    def goto(self, path: str) -> None:
        self.page.goto(self.base_url + path)

    def expects(self, pattern: str) -> None:
        """Complaints that match this regular expression are part of the test."""
        self.expected.append(pattern)

    def leave(self) -> None:
        """Closes all tabs; the context is for somebody else."""
        self.context.remove_listener("page", self._listen)
        for page in self.context.pages:
            page.close()

    def unexpected(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(re.search(pattern, complaint) for pattern in self.expected)
        ]

    def go_offline(self) -> None:
        """The network is gone, open sockets too. The browser's own complaints are expected."""
        self.expects("ERR_INTERNET_DISCONNECTED|WebSocket")
        self.context.set_offline(True)

    def go_online(self) -> None:
        self.context.set_offline(False)

    def _listen(self, page: Page) -> None:
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("requestfailed", self._note_request)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where: Any = message.location
            self.complaints.append(f"console {message.type}: {message.text} ({where.get('url')})")

    def _note_request(self, request: Request) -> None:
        # A page that is left gives up what it was loading: nothing is wrong with that.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"request: {request.method} {request.url}: {request.failure}")


class Contexts:
    """A browser's contexts, used again for another person: most of what opening a page costs is
    loading its modules, and those a browser keeps. It keeps nothing else of whoever was there.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._idle: dict[str, list[BrowserContext]] = defaultdict(list)

    def take(self, **options: Any) -> BrowserContext:
        """`options` as playwright's `new_context` has them."""
        idle = self._idle[_key(options)]
        return idle.pop() if idle else self._chromium.new_context(**options)

    def give_back(self, context: BrowserContext, origin: str, **options: Any) -> None:
        context.set_offline(False)
        context.unroute_all()
        context.clear_cookies()
        context.clear_permissions()
        page = context.new_page()
        kept = {"origin": origin, "storageTypes": "local_storage,indexeddb,cache_storage"}
        context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
        # Playwright sets a clock for a whole context, and never takes it back.
        has_own_clock = page.evaluate("Date.name !== 'Date'")
        page.close()
        if has_own_clock:
            context.close()
        else:
            self._idle[_key(options)].append(context)


def _key(options: Mapping[str, Any]) -> str:
    return json.dumps(options, sort_keys=True)
