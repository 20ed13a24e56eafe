"""What one test did to a browser is nothing that another one finds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Contexts, Person

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.support.servers import Server


@pytest.fixture
def anna(contexts: Contexts, server: Server) -> Person:
    return Person(contexts.take(locale="en-CA"), server.url)


def next_after(person: Person, contexts: Contexts) -> BrowserContext:
    """Which one is given to whoever comes after this person."""
    person.leave()
    contexts.give_back(person.context, person.base_url, locale="en-CA")
    context = contexts.take(locale="en-CA")
    contexts.give_back(context, person.base_url, locale="en-CA")
    return context


class TestContexts:
    def test_are_used_again(self, contexts: Contexts, anna: Person) -> None:
        assert next_after(anna, contexts) is anna.context

    def test_are_not_used_again_with_the_clock_that_a_test_has_set(
        self, contexts: Contexts, anna: Person
    ) -> None:
        anna.page.clock.set_fixed_time(datetime(2026, 1, 1, 12, tzinfo=UTC))
        assert next_after(anna, contexts) is not anna.context
