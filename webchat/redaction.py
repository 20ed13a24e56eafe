"""Takes out of a text what must not stand in a log, however it came there.

For our formatters, Daphne's list of requests and exceptions that nobody caught. It looks at text
alone: a driver's words, a traceback, somebody's header.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from webchat.secret_paths import HIDDEN, hidden_path, without_tokens

# A shorter password (`webchat`, in docker-compose.yml) is a word that logs are full of.
MIN_SECRET: Final = 8

_VALUE: Final = r"(?:'[^']*'|\"[^\"]*\"|[^\s&;,'\")\]}]+)"
_NAMES: Final = r"password|passwd|secret|token|signature|sessionid|session_key|api_?key"
_HEADERS: Final = (
    r"(?:proxy[-_])?authorization|(?:set[-_])?cookie|x[-_]csrftoken|webhook[-_]signature"
)
_FLAGS: Final = re.IGNORECASE
_RULES: Final = [
    # scheme://user:password@host, also with slashes that somebody has put right
    (re.compile(r"((?<![\w+.-])\w[\w+.-]{0,20}:/{1,4})[^\s/\"'<>]*@", _FLAGS), rf"\1{HIDDEN}@"),
    # What is asked for: an invite's address after `next=`, the words of a search.
    (re.compile(r"\?[\w.~%+\[\]-]{1,64}=[^\s\"'<>]*", _FLAGS), f"?{HIDDEN}"),
    # A header by itself, in a dict, in a list of pairs.
    (
        re.compile(rf"((?<![a-z0-9-])(?:http_)?(?:{_HEADERS})\s*[:=]\s*)[^'\"\r\n]+", _FLAGS),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"((?:{_HEADERS}|{_NAMES})['\"]\s*[:,]\s*b?){_VALUE}", _FLAGS), rf"\1{HIDDEN}"),
    (re.compile(rf"((?:{_NAMES})\s*[=:]\s*b?){_VALUE}", _FLAGS), rf"\1{HIDDEN}"),
    # The signed cookie of a known browser.
    (re.compile(r"((?<!\w)known=)[\w.:-]{20,}", _FLAGS), rf"\1{HIDDEN}"),
    # PostgreSQL quotes the row that it refuses, with what somebody wrote in it.
    (
        re.compile(
            r"(DETAIL:).*?(?=\n(?:HINT|CONTEXT|LINE \d+|STATEMENT):?|\n\nThe above|\n\nDuring|\Z)",
            re.DOTALL,
        ),
        rf"\1 {HIDDEN}",
    ),
]
_SECRET_NAME: Final = re.compile(rf"(?:{_NAMES}|{_HEADERS})$", _FLAGS)

_ours: re.Pattern[str] | None = None


def never_log(*secrets: str) -> None:
    """From now on these, and their percent-encoded forms, are hidden wherever they stand."""
    global _ours
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
    long = sorted((form for form in forms if len(form) >= MIN_SECRET), key=len, reverse=True)
    _ours = re.compile("|".join(map(re.escape, long))) if long else None


def redacted(text: str) -> str:
    for rule, instead in _RULES:
        text = rule.sub(instead, text)
    text = without_tokens(text)
    return _ours.sub(HIDDEN, text) if _ours else text


def redacted_path(path: str) -> str:
    """For a list of requests: no token, and nothing of the query."""
    path, mark, _ = path.partition("?")
    return redacted(hidden_path(path)) + (mark and f"?{HIDDEN}")


def is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name))
