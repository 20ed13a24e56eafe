"""The language in which a socket's errors speak."""

from __future__ import annotations

from typing import Any

import pytest

from chat.live import routing
from chat.models import User

pytestmark = pytest.mark.embedded


def language_of(*, page: str = "", person: str = "", browser: str = "") -> str:
    scope: dict[str, Any] = {
        "query_string": f"lang={page}".encode() if page else b"",
        "headers": [(b"accept-language", browser.encode())] if browser else [],
        "cookies": {},
        "user": User(username="ann", language=person),
    }
    return routing.language_of(scope)


class TestLanguage:
    def test_is_that_of_the_page_first(self) -> None:
        assert language_of(page="ru", person="en", browser="en") == "ru"

    def test_is_the_persons_where_the_page_says_none(self) -> None:
        assert language_of(person="ru", browser="en") == "ru"

    def test_is_the_browsers_where_nobody_has_chosen(self) -> None:
        assert language_of(browser="ru-RU,ru;q=0.9") == "ru"

    @pytest.mark.parametrize("unknown", ["xx", "../ru", "%00", "ru%0a"])
    def test_is_never_one_that_is_not_there(self, unknown: str) -> None:
        assert language_of(page=unknown, person=unknown) == "en"
