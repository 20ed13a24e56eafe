"""docs/limits.md out of the table: what `manage.py show_limits --markdown` writes."""

from __future__ import annotations

from typing import Final

from django.utils import translation

from chat.limits.table import HOUR, MINUTE, SECOND, TABLE, Limit

HEAD: Final = """\
# Limits

Generated from `chat/limits/table.py` by `manage.py show_limits --markdown > docs/limits.md`;
change the table, not this page. `manage.py show_limits` shows the limits in force.

Each row is a variable. `0` switches a limit off (not `UPLOAD_MAX_MEGABYTES`). A limit with a time
allows its number at once, or as many at once as the row says, and refills steadily: with 60 a
minute the next one is allowed a second later. Anyone over the limit gets `too_many` (HTTP 429
with `Retry-After`; a page says the same) with `retry_after` seconds and a sentence that says what
was too much and when to try again. Requests count whether they succeeded or not. Each person has
one count, on sockets and over HTTP together. The staff pages are not limited.

With `REDIS_URL` all processes count together. *shared*: each process decides at once and
exchanges its counts once a second, so a flood over many processes can exceed the limit by a
second's worth at most; for all other limits the process asks Redis each time. While Redis is down
each process counts for itself, and nobody waits for it. An address is the address of the
connection (behind a proxy: see `TRUSTED_PROXIES`); for IPv6 it is the /64. How passwords are
counted, and why others cannot lock anybody out, is described in `chat/http/sign_in_throttle.py`.

Limits on connections before sign-in (`LIMIT_CONNECTIONS_PER_ADDRESS`, `CONNECTION_…`) are
described in [security.md](security.md).

| variable | default | of | per | time | answer |
|---|---|---|---|---|---|
"""
WINDOWS: Final = {0: "", SECOND: "second", MINUTE: "minute", HOUR: "hour"}
# Those that are not answered with the row's own sentence.
ANSWERS: Final = {
    "typing": "none",
    "frames": "none: faster ones wait",
    "sockets_opened": "none: further ones wait; HTTP 403 after a few seconds",
    "sockets_of_person": "closed with 4429",
    "sockets_of_address": "closed with 4429",
    "upload_megabytes": "`too_large`: the limit",
    "stored_megabytes": "`too_large`: how much is used, and what to delete",
    "wordings_kept": "none: the oldest are dropped",
}


def markdown() -> str:
    with translation.override("en"):
        return HEAD + "".join(_row(limit) for limit in TABLE)


def window_of(limit: Limit) -> str:
    seconds = limit.window_seconds
    window = WINDOWS.get(seconds, f"{seconds // MINUTE} minutes")
    return f"{window}, shared" if limit.is_joined else window


def _row(limit: Limit) -> str:
    code = "too_many" if limit.window_seconds or limit.per.endswith("process") else "conflict"
    answer = ANSWERS.get(limit.name, f"`{code}`: {limit.said}")
    cells = [f"`{limit.variable}`", f"`{limit.default}`", limit.of, limit.per, window_of(limit)]
    return f"| {' | '.join([*cells, answer])} |\n"
