"""What the pages' templates need besides Django's own tags."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.http.forms import own_names_of_languages

register = template.Library()
MODULES = Path(__file__).resolve().parent.parent / "static" / "chat" / "js"


_IMPORT = re.compile(r'^import (?:[^"]*? from )?"(\.[^"]+\.js)";$', re.MULTILINE)


@cache
def _first_modules() -> list[str]:
    found: set[Path] = set()
    waiting = [MODULES / "main.js"]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            names = _IMPORT.findall(module.read_text())
            waiting += [(module.parent / name).resolve() for name in names]
    return sorted(f"chat/js/{module.relative_to(MODULES).as_posix()}" for module in found)


@register.simple_tag
def client_modules() -> list[str]:
    """What the client needs to read and write: fetched side by side instead of one after the
    other's import. What is loaded when it is opened (later.js) is not among them."""
    return _first_modules()


@register.simple_tag
def cookie_prefix() -> str:
    """What the names of our cookies begin with: `__Host-` over TLS."""
    return str(settings.COOKIE_PREFIX)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of the page's own set (chat/templates/chat/icons.html)."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="#icon-{}"></use></svg>', name
    )


@register.simple_tag
def languages() -> list[tuple[str, str]]:
    return own_names_of_languages()


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """`light`, `dark`, or nothing for what the system has."""
    # The 500 page is drawn without a request.
    cookies = context["request"].COOKIES if "request" in context else {}
    chosen = cookies.get(settings.THEME_COOKIE_NAME, "")
    return chosen if chosen in {"light", "dark"} else ""
