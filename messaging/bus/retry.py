"""How long to wait between attempts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from messaging.errors import ConfigurationError, RetryableError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits of 100 ms, doubled each time; each is drawn at random between 1 and 1.5 times that."""

    initial_seconds: float = 0.1
    factor: float = 2.0
    multiplier: float = 1.5
    tries: int = 5
    limit_seconds: float = 30.0

    def wait_seconds(self, failures: int, *, longest_seconds: float = 30.0) -> float:
        """After that many failures in a row (1 or more)."""
        grown: float = self.initial_seconds * self.factor ** min(failures - 1, 30)
        jitter = random.uniform(1.0, self.multiplier)  # noqa: S311  nothing secret hangs on it
        return min(grown * jitter, longest_seconds)


def publish_wait_seconds(failures: int) -> float:
    """Between the tries of `publish`: 1, 2, 4, then 5 s."""
    return min(1000 * 2.0 ** (failures - 1), 5000) / 1000


def call_with_retries(
    call: Callable[[float], Result],
    *,
    policy: RetryPolicy,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Calls `call(seconds left)` until it does not raise RetryableError; raises the last one.

    Ends after `policy.tries`, or when the next wait would pass `policy.limit_seconds`.
    """
    deadline = clock() + policy.limit_seconds
    for failures in range(1, policy.tries + 1):
        try:
            return call(deadline - clock())
        except ConfigurationError:  # trying again changes nothing
            raise
        except RetryableError:
            wait = policy.wait_seconds(failures)
            if failures == policy.tries or clock() + wait >= deadline:
                raise
            sleep(wait)
    raise AssertionError("a policy has at least one attempt")
