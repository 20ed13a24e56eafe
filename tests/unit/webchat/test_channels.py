"""A connection that has become a WebSocket keeps nothing of its time before."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from webchat.daphne.channels import HttpChannel


class TestLetGo:
    def test_leaves_the_channel_to_nobody(self):
        transport: Any = StringTransport()
        channel: Any = HttpChannel()
        channel.factory = SimpleNamespace(reactor=Clock())
        channel.makeConnection(transport)
        transport.protocol = None  # the WebSocket's, from then on
        gone = weakref.ref(channel)
        channel.let_go()
        assert transport.producer is None
        del channel
        gc.collect()
        assert gone() is None
