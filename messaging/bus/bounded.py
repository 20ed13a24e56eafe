"""Runs calls that may block longer than they promise, in threads that are waited for up to a
deadline."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

Result = TypeVar("Result")


class BoundedCalls:
    """One call at a time under each name: a hung one costs one thread, not one per attempt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def run(
        self,
        name: str,
        call: Callable[[], Result],
        *,
        timeout_seconds: float,
        give_up: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Raises TimeoutError (also when `give_up` says so), or whatever the call raised.

        A result that comes too late is closed if it can be.
        """
        deadline = time.monotonic() + timeout_seconds
        future = self._take_turn(name, call, deadline)
        while not future.done():
            left = deadline - time.monotonic()
            if left <= 0 or give_up():
                future.add_done_callback(_close_result)
                raise TimeoutError(f"No answer within {timeout_seconds:.1f} s: {name}")
            wait([future], timeout=min(left, 0.05))
        with self._lock:
            if self._running.get(name) is future:
                del self._running[name]
        return future.result()

    def _take_turn(self, name: str, call: Callable[[], Result], deadline: float) -> Future[Result]:
        while True:
            with self._lock:
                earlier = self._running.get(name)
                if earlier is None or earlier.done():
                    future = self._running[name] = _start(name, call)
                    return future
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"An earlier call is still hanging: {name}")
            wait([earlier], timeout=left)


def _start(name: str, call: Callable[[], Result]) -> Future[Result]:
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            future.set_exception(error)

    threading.Thread(target=work, name=f"bounded {name}", daemon=True).start()
    return future


def _close_result(future: Future[Any]) -> None:
    if future.exception() is None and hasattr(future.result(), "close"):
        with contextlib.suppress(Exception):  # nobody is left to hear of it
            future.result().close()
