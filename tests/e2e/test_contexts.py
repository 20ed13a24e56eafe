"""What one test did to a browser is nothing that another one finds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.browser import Contexts, Person

if TYPE_CHECKING:
    from tests.servers import Server


class TestContexts:
    def test_are_used_again(self, contexts: Contexts, server: Server) -> None:
        anna = Person(contexts.take(locale="en-CA"), server.url)
        anna.leave()
        contexts.give_back(anna.context, server.url, locale="en-CA")
        again = contexts.take(locale="en-CA")
        contexts.give_back(again, server.url, locale="en-CA")
        assert again is anna.context

    def test_are_not_used_again_with_the_clock_that_a_test_has_set(
        self, contexts: Contexts, server: Server
    ) -> None:
        anna = Person(contexts.take(locale="en-CA"), server.url)
        anna.page.clock.set_fixed_time(datetime(2026, 1, 1, 12, tzinfo=UTC))
        anna.leave()
        contexts.give_back(anna.context, server.url, locale="en-CA")
        again = contexts.take(locale="en-CA")
        contexts.give_back(again, server.url, locale="en-CA")
        assert again is not anna.context
