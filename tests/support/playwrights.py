"""What browser tests take from playwright; without it they are left out with a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import needs

if TYPE_CHECKING:
    from playwright.sync_api import Error, Locator, Page, Route, expect
else:
    _api = needs.module("playwright.sync_api")
    Error, Locator, Page, Route, expect = (
        _api.Error,
        _api.Locator,
        _api.Page,
        _api.Route,
        _api.expect,
    )

__all__ = ["Error", "Locator", "Page", "Route", "expect"]
