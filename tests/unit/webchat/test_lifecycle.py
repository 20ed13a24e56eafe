"""Stopping: what is begun beside the server ends before the server does."""

from __future__ import annotations

import pytest

from chat.pictures import checking as pictures
from webchat.lifecycle import Lifecycle

pytestmark = pytest.mark.embedded


class TestStopping:
    async def test_ends_the_pictures_that_are_drawn_before_the_process(self, monkeypatch):
        done: list[str] = []
        monkeypatch.setattr(pictures, "close", lambda: done.append("pictures"))
        await Lifecycle(None)._drain_then_stop(15, lambda *signal: done.append("process"))
        assert done == ["pictures", "process"]
