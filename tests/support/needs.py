"""What a test needs and a machine may not have: said in words and skipped; failed with CI=true."""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any, NoReturn

import pytest


def is_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1"}


def absent(words: str) -> NoReturn:
    """Ends the test (or the module, while it is read): `words` say what to install."""
    if is_ci():
        pytest.fail(f"Missing, and CI=true allows no skip: {words}", pytrace=False)
    pytest.skip(words, allow_module_level=True)


def module(name: str, *, install: str = "pip install -r requirements-dev.txt") -> Any:
    """The module, or `absent`: for what requirements.txt does not have.

    playwright = needs.module("playwright.sync_api")
    """
    try:
        found: ModuleType = importlib.import_module(name)
    except ModuleNotFoundError as error:
        absent(f"{error.name} is not installed: {install}")
    return found


def hypothesis() -> Any:
    """Property tests tell what holds, not how quick a busy machine is."""
    found = module("hypothesis")
    found.settings.register_profile("webchat", deadline=None)
    found.settings.load_profile("webchat")
    return found
