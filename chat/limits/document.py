"""docs/limits.md out of the table: what `manage.py show_limits --markdown` writes."""

from __future__ import annotations

from typing import Final

from django.utils import translation

from chat.limits.table import HOUR, MINUTE, SECOND, TABLE, Limit

HEAD: Final = """\
# Limits

Made from `chat/limits/table.py` by `manage.py show_limits --markdown > docs/limits.md`; change the
table, not this page. `manage.py show_limits` shows what is in force.

Each row is a variable. `0` switches a limit off (not `UPLOAD_MAX_MEGABYTES`). A limit with a time
lets its number through at once, or as many as it says, and fills up steadily: with 60 a minute the
next one fits a second later. Whoever is over it gets `too_many` (HTTP 429 with `Retry-After`; a
page says the same) with `retry_after` seconds and a sentence that says what was too much and when
it goes on. What is asked counts, whether it was done or not. One count per person, whichever way
they come, on a socket or over HTTP. Staff's own pages are not limited.

With `REDIS_URL` all processes count together. *joined*: each process decides at once and exchanges
what it counted once a second, so a flood over many processes is over by a second at most; all
others ask Redis each time. While Redis is away each process counts for itself, and nobody waits for
it. An address is what the connection says (behind a proxy: `daphne --proxy-headers`), of IPv6 its
/64. How passwords are counted, and why nobody is locked out by others, stands in
`chat/http/sign_in_throttle.py`.

What a connection may do before anybody is known (`LIMIT_CONNECTIONS_PER_ADDRESS`, `CONNECTION_…`)
stands in [security.md](security.md).

| variable | default | of | per | time | answer |
|---|---|---|---|---|---|
"""
WINDOWS: Final = {0: "", SECOND: "second", MINUTE: "minute", HOUR: "hour"}
# Those that are not answered with the row's own sentence.
ANSWERS: Final = {
    "typing": "none",
    "frames": "none: what comes faster waits",
    "sockets_opened": "none: what comes sooner waits; HTTP 403 after some seconds",
    "sockets_of_person": "closed with 4429",
    "sockets_of_address": "closed with 4429",
    "upload_megabytes": "`too_large`: how much is allowed",
    "stored_megabytes": "`too_large`: how much one has, and what to delete",
    "wordings_kept": "none: the oldest go",
}


def markdown() -> str:
    with translation.override("en"):
        return HEAD + "".join(_row(limit) for limit in TABLE)


def window_of(limit: Limit) -> str:
    seconds = limit.window_seconds
    window = WINDOWS.get(seconds, f"{seconds // MINUTE} minutes")
    return f"{window}, joined" if limit.is_joined else window


def _row(limit: Limit) -> str:
    code = "too_many" if limit.window_seconds or limit.per.endswith("process") else "conflict"
    answer = ANSWERS.get(limit.name, f"`{code}`: {limit.said}")
    cells = [f"`{limit.variable}`", f"`{limit.default}`", limit.of, limit.per, window_of(limit)]
    return f"| {' | '.join([*cells, answer])} |\n"
