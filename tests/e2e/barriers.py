"""What keeps people out of a page: what axe finds, and what is too small for a finger."""

from __future__ import annotations

from typing import Any

from tests.support import needs
from tests.support.browser import Person

FINGER = 44  # pixels

# What can be pressed, is on screen, and is too small. Links in running text are as high as the
# text; a box with a label is as large as the label; nothing behind a dialog can be pressed.
SMALL = """(finger) => {
  const dialogs = [...document.querySelectorAll("dialog[open]")];
  const page = document.querySelector(":popover-open") ?? dialogs.at(-1) ?? document;
  const pressed = "button, a[href], input, select, textarea, [role=option]";
  const boxOf = (node) => {
    const own = node.getBoundingClientRect();
    const label = ["radio", "checkbox"].includes(node.type) && node.labels[0];
    const more = label ? label.getBoundingClientRect() : own;
    return { width: Math.max(own.width, more.width), height: Math.max(own.height, more.height),
      bottom: own.bottom };
  };
  return [...page.querySelectorAll(pressed)]
    .filter((node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((node) => !node.matches(".text a, p:not(.aside) a"))
    .map((node) => [node.outerHTML.slice(0, 100), boxOf(node)])
    .filter(([, box]) => box.width && box.bottom > 0)
    .filter(([, box]) => box.height < finger || box.width < finger)
    .map(([html, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${html}`);
}"""


def barriers(person: Person, *rules: str) -> list[str]:
    """Each as its rule, where it is, and what is wrong there; `rules`: look at these alone."""
    axe = needs.module("axe_playwright_python.sync_playwright").Axe()
    # What it would load besides is styles of ours a second time, which the page's policy forbids.
    options: dict[str, Any] = {"preload": False, "resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = axe.run(person.page, options=options).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {[why['message'] for why in node['any'][:1]]}"
        for one in found
        for node in one["nodes"][:2]
    ]


def has_no_barriers(person: Person) -> None:
    assert barriers(person) == []


def small_targets(person: Person) -> list[str]:
    found: list[str] = person.page.evaluate(SMALL, FINGER)
    return found
