"""Real browsers against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import browser, needs
from tests.browser import Person
from tests.processes import ServiceMissing
from tests.servers import Server, start_server

NewPerson = Callable[..., Person]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests of a worker."""
    playwright = needs.module("playwright.sync_api")
    try:
        program = browser.find()
    except ServiceMissing as error:
        needs.absent(str(error))
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=program, args=browser.FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def server(migrated_sqlite_url: str) -> Iterator[Server]:
    """The chat as one command starts it: SQLite, memory, no limits in the way of quick tests."""
    with start_server(
        migrated_sqlite_url, LIMIT_MESSAGES_PER_MINUTE=0, LIMIT_FRAMES_PER_SECOND=0
    ) as running:
        yield running


@pytest.fixture
def new_person(chromium: Any, request: pytest.FixtureRequest) -> Iterator[NewPerson]:
    """`new_person(server)`: a browser context of their own; at the end nothing went wrong in any.

    `new_person(server, locale="ru-RU", color_scheme="dark", viewport={...})` as playwright has it.
    """
    people: list[Person] = []

    def make(at: Server, **options: Any) -> Person:
        options.setdefault("locale", "en-US")
        person = Person(chromium.new_context(**options), at.url)
        person.context.set_default_timeout(10_000)
        people.append(person)
        return person

    yield make
    complaints = [complaint for person in people for complaint in person.unexpected()]
    for person in people:
        person.context.close()
    assert not complaints, "The browser complained:\n" + "\n".join(complaints)
