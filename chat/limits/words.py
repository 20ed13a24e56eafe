"""What a person is told who is over a limit: what was too much, and when it goes on."""

from __future__ import annotations

import math
from typing import Final

from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import ngettext

from chat.errors import TooManyError
from chat.limits.table import HOUR, MINUTE, Limit
from messaging.measures import LIMITED

# Up to here in seconds, up to there in minutes, then in hours.
MAX_SECONDS: Final = 59
MAX_MINUTES: Final = 90


def too_many(limit: Limit, seconds: float) -> TooManyError:
    """In the language of whoever it is shown to, which need not be this thread's."""
    LIMITED.labels(limit.name).inc()
    detail = format_lazy("{} {}", limit.said, lazy(come_back, str)(seconds))
    return TooManyError(detail, retry_after=seconds)


def come_back(seconds: float) -> str:
    if seconds <= MAX_SECONDS:
        count = math.ceil(seconds)
        words = ngettext("Try again in %(count)d second.", "Try again in %(count)d seconds.", count)
    elif seconds <= MAX_MINUTES * MINUTE:
        count = math.ceil(seconds / MINUTE)
        words = ngettext("Try again in %(count)d minute.", "Try again in %(count)d minutes.", count)
    else:
        count = math.ceil(seconds / HOUR)
        words = ngettext("Try again in %(count)d hour.", "Try again in %(count)d hours.", count)
    return words % {"count": count}
