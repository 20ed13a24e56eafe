"""What keeps people out of a page, as axe finds it."""

from __future__ import annotations

from tests import needs
from tests.browser import Person


def barriers(person: Person) -> list[str]:
    """Each as its rule, where it is, and what is wrong there."""
    axe = needs.module("axe_playwright_python.sync_playwright").Axe()
    # What it would load besides is styles of ours a second time, which the page's policy forbids.
    found = axe.run(person.page, options={"preload": False}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {[why['message'] for why in node['any'][:1]]}"
        for one in found
        for node in one["nodes"][:2]
    ]


def has_no_barriers(person: Person) -> None:
    assert barriers(person) == []
