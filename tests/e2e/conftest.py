"""Real browsers against a real server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import browser, needs
from tests.support.browser import Contexts, Person
from tests.support.processes import PATIENCE, ServiceMissing
from tests.support.servers import Server, environment, manage, start_server
from tests.support.sharing import locked

NewPerson = Callable[..., Person]
# For whatever a person would wait for. Longer than a page's longest pause between two tries (30 s).
DEADLINE_MS = 15_000 * PATIENCE


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests of a worker."""
    playwright = needs.module("playwright.sync_api")
    playwright.expect.set_options(timeout=DEADLINE_MS)
    try:
        program = browser.find()
    except ServiceMissing as error:
        needs.absent(str(error))
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=program, args=browser.FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def contexts(chromium: Any) -> Contexts:
    return Contexts(chromium)


@pytest.fixture(scope="session")
def static_root(run_folder: Path) -> Path:
    """Static files as production serves them: collected once for the run."""
    folder = run_folder / "static"
    with locked(run_folder / "static.lock"):
        if not folder.exists():
            half = run_folder / "static-half"
            env = environment(
                "sqlite:///never-opened", COLLECTING_STATIC="true", STATIC_ROOT=str(half)
            )
            done = manage("collectstatic", "--noinput", "--verbosity", "0", env=env)
            assert done.returncode == 0, done.stderr
            half.rename(folder)
    return folder


@pytest.fixture(scope="session")
def server_of_all(
    tmp_path_factory: pytest.TempPathFactory,
    new_sqlite_url: Callable[[Path], str],
    static_root: Path,
) -> Iterator[Server]:
    """Starting one takes seconds: a worker's tests share it, one after the other."""
    folder = tmp_path_factory.mktemp("web")
    with start_server(
        new_sqlite_url(folder),
        LIMIT_MESSAGES_PER_MINUTE=0,
        LIMIT_FRAMES_PER_SECOND=0,
        LIMIT_SOCKETS_OPENED_PER_MINUTE=0,
        LIMIT_SIGN_UPS_PER_HOUR=0,
        LIMIT_UPLOADS_PER_MINUTE=0,
        MEDIA_ROOT=str(folder / "media"),
        STATIC_ROOT=str(static_root),
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
    """Empties all tables but Django's own lists and the audit log, which refuses it. Ids are not
    given a second time.
    """
    lists = ("sqlite_%", "django_migrations", "django_content_type", "auth_permission")
    kept = (*lists, "chat_auditentry")
    with closing(
        sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=20 * PATIENCE)
    ) as database:
        unwanted = " AND ".join("name NOT LIKE ?" for _ in kept)
        tables = database.execute(
            f"SELECT name FROM sqlite_master WHERE type = 'table' AND {unwanted}", kept
        ).fetchall()
        database.execute("BEGIN IMMEDIATE")
        for (table,) in tables:
            database.execute(f'DELETE FROM "{table}"')
        database.commit()


@pytest.fixture
def new_person(contexts: Contexts) -> Iterator[NewPerson]:
    """`new_person(server)`: a browser context of their own; at the end nothing went wrong in any.

    `new_person(server, locale="ru-RU", color_scheme="dark", viewport={...})` as playwright has it.
    """
    people: list[tuple[Person, dict[str, Any]]] = []

    def make(at: Server, **options: Any) -> Person:
        options.setdefault("locale", "en-US")
        person = Person(contexts.take(**options), at.url)
        person.context.set_default_timeout(DEADLINE_MS)
        people.append((person, options))
        return person

    yield make
    complaints = [complaint for person, _ in people for complaint in person.unexpected()]
    for person, options in people:
        person.leave()
        contexts.give_back(person.context, person.base_url, **options)
    assert not complaints, "The browser complained:\n" + "\n".join(complaints)


@pytest.fixture
def anna_and_boris(server: Server, new_person: NewPerson) -> tuple[Person, Person]:
    """Both have their direct chat open, with one message in it."""
    # Only here: without playwright the tests are left out with a word, this file is not.
    from tests.e2e.chatting import open_chat, sees, send, sign_up, write_to

    anna, boris = new_person(server), new_person(server)
    sign_up(boris, "boris", name="Boris")
    sign_up(anna, "anna", name="Anna")
    write_to(anna, "boris", username="boris")
    send(anna, "hello from Anna")
    open_chat(boris, "Anna")
    sees(boris, "hello from Anna")
    return anna, boris
