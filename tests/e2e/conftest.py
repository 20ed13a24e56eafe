"""Real browsers against a real server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
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


@pytest.fixture(scope="session")
def server_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Starting one takes seconds: a worker's tests share it, one after the other."""
    file = tmp_path_factory.mktemp("web") / "webchat.sqlite3"
    with start_server(
        f"sqlite:///{file}", LIMIT_MESSAGES_PER_MINUTE=0, LIMIT_FRAMES_PER_SECOND=0
    ) as running:
        yield running


@pytest.fixture
def server(server_of_all: Server) -> Iterator[Server]:
    """The chat as one command starts it: SQLite, memory, no limits in the way of quick tests.

    Nobody is there and nothing was said, whatever tests ran before.
    """
    if server_of_all.status_of("/livez") != 200:
        server_of_all.restart()
    yield server_of_all
    forget_everything(server_of_all.database_url)


def forget_everything(database_url: str) -> None:
    """Empties all tables but Django's own lists. Ids are not given a second time."""
    kept = ("sqlite_%", "django_migrations", "django_content_type", "auth_permission")
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=20)) as database:
        unwanted = " AND ".join("name NOT LIKE ?" for _ in kept)
        tables = database.execute(
            f"SELECT name FROM sqlite_master WHERE type = 'table' AND {unwanted}", kept
        ).fetchall()
        database.execute("BEGIN IMMEDIATE")
        for (table,) in tables:
            database.execute(f'DELETE FROM "{table}"')
        database.commit()


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
