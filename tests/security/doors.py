"""Every door of the project, read from the code's own tables."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, get_resolver

from chat.live.consumers import ChatConsumer
from chat.live.frames import REQUESTS

API, ADMIN = "api/", "admin/"


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """The path of each address that the project answers, as its pattern has it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield path, pattern
        else:
            yield from routes(pattern.url_patterns, path)


def pages() -> set[str]:
    """Addresses beside the API and the staff's."""
    return {path for path, _ in routes() if not path.startswith((API, ADMIN))}


def staff_pages() -> list[str]:
    return [path for path, _ in routes() if path.startswith(ADMIN)]


def frame_types() -> set[str]:
    """What the consumer's own code takes."""
    source = textwrap.dedent(inspect.getsource(ChatConsumer._handle))
    patterns = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.MatchValue)]
    return {ast.literal_eval(pattern.value) for pattern in patterns} | set(REQUESTS)
