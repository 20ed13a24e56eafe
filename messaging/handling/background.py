"""The relay as a thread of the web process, started by its first request or socket.

Publishes to Kafka, or in embedded mode hands events to the handlers of this process. One web
process's relay works, alone or together with those of `run_outbox_relay`; the others stand by.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence

from django.conf import settings

from messaging import lock_keys
from messaging.bus.configuration import close_adapter, get_adapter, is_embedded
from messaging.handling import embedded
from messaging.handling.companions import Companion, make_companions
from messaging.handling.registry import registry
from messaging.outbox.recording import outbox_recorded
from messaging.outbox.relay import Relay
from messaging.outbox.relay_lock import make_lock
from messaging.outbox.relay_share import make_share
from messaging.outbox.target import KafkaTarget
from messaging.outbox.unknown import Guard

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_running: BackgroundRelay | None = None


class BackgroundRelay:
    def __init__(self, relay: Relay, companions: Sequence[Companion] = ()) -> None:
        self.pid = os.getpid()
        self._relay = relay
        self._companions = companions
        self._thread = threading.Thread(target=relay.run, name="relay", daemon=True)

    @property
    def is_alive(self) -> bool:
        # A forked child has the object of its parent, but not the thread.
        return self.pid == os.getpid() and self._thread.is_alive()

    def start(self) -> None:
        outbox_recorded.connect(self._relay.wake)
        self._thread.start()
        for companion in self._companions:
            companion.start()

    def stop(self, timeout_seconds: float) -> bool:
        """Whether it ended in time. Rows that it did not get to stay in the outbox."""
        deadline = time.monotonic() + timeout_seconds
        outbox_recorded.disconnect(self._relay.wake)
        self._relay.stop()
        self._thread.join(timeout_seconds)
        ended = [
            companion.stop(max(0.0, deadline - time.monotonic())) for companion in self._companions
        ]
        return not self._thread.is_alive() and all(ended)


def make_relay() -> Relay:
    """The relay for settings.MESSAGE_BUS. Connects to nothing yet."""
    if is_embedded():
        target = embedded.HandlerTarget(registry)
        return Relay(
            target,
            make_lock(),
            batch_size=embedded.BATCH_SIZE,
            gather_seconds=embedded.GATHER_SECONDS,
        )
    adapter = get_adapter()
    return Relay(KafkaTarget(adapter, Guard(adapter)), make_share(seat=lock_keys.WEB_RELAY))


def _make_companions() -> list[Companion]:
    """In embedded mode this process runs the handlers of all groups and their companions."""
    return make_companions(registry.groups()) if is_embedded() else []


def ensure_started() -> None:
    """Returns at once; any number of times, from any thread.

    settings.RELAY_IN_WEB = False leaves the work to `manage.py run_outbox_relay`.
    """
    global _running
    if not is_embedded() and not settings.RELAY_IN_WEB:
        return
    with _lock:
        if _running is None or not _running.is_alive:
            _running = BackgroundRelay(make_relay(), _make_companions())
            _running.start()


def stop(timeout_seconds: float) -> None:
    """Gives the running round this long to finish."""
    global _running
    with _lock:
        running, _running = _running, None
    if running is None or not running.is_alive:
        return
    if not running.stop(timeout_seconds):
        logger.warning(
            "The relay did not finish in time; rows that it has not marked are sent again"
        )
    close_adapter(timeout_seconds=1.0)
