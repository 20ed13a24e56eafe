"""Which addresses of ours are passwords: whoever knows what follows these words may act by it.

A route with a `token` whose first word is missing here fails a test. Knows no request and no log.
"""

from __future__ import annotations

import re
from typing import Final

# /hooks/TOKEN posts to a chat, /join/TOKEN lets in.
SECRET_PREFIXES: Final = ("hooks", "join")
HIDDEN: Final = "…"


def _spelled(character: str) -> str:
    """As itself or percent-encoded, also when that was encoded again."""
    return rf"(?:{re.escape(character)}|%(?:25)*{ord(character):02x})"


_SLASHES: Final = rf"(?:{_spelled('/')}|{_spelled(chr(92))})+"
_WORD: Final = "|".join("".join(map(_spelled, word)) for word in SECRET_PREFIXES)
# Not the end of another word, as in /webhooks/; but %2Fhooks%2F is one.
_BEFORE: Final = rf"((?:(?<![\w-])|(?<=2f)|(?<=5c))(?:{_WORD}){_SLASHES})"
_IN_A_PATH: Final = re.compile(_BEFORE + ".+", re.IGNORECASE | re.DOTALL)
# In a line of a request up to its end, else up to a space (not one right behind the slash).
_REQUEST_LINE: Final = r"[^\"'<>\r\n]{1,2000}?(?= HTTP/\d)"
_IN_A_TEXT: Final = re.compile(rf"{_BEFORE}(?:{_REQUEST_LINE}|\s*[^\s\"'<>]+)", re.IGNORECASE)


def hidden_path(path: str) -> str:
    """A whole path without what follows the word, to its very end, spaces and all."""
    return _IN_A_PATH.sub(rf"\1{HIDDEN}", path)


def without_tokens(text: str) -> str:
    """The same for paths somewhere in a text; each ends where a space or a quote stands."""
    return _IN_A_TEXT.sub(rf"\1{HIDDEN}", text)
