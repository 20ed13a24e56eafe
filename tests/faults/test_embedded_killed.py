"""The one process of the embedded bus killed (-9) at its worst points, on SQLite."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import loopback, stack
from tests.support.bus_parts import TOPIC
from tests.support.pipe import HANDLERS, ROOT
from tests.support.processes import PATIENCE

CHATS, MESSAGES = 4, 5
# Handlers of the chat itself record statuses besides.
RECORDED = f"SELECT count(*) FROM messaging_outboxevent WHERE topic = '{TOPIC}'"


def run(database: Path, *arguments: str, dies_at: str = "") -> int:
    environment = stack.without_ours(os.environ) | {
        **stack.SETTINGS,
        "PYTHONPATH": loopback.python_path(ROOT),
        "DATABASE_URL": f"sqlite:///{database}",
        "TEST_TOPIC": TOPIC,
        "TEST_GROUP": "test-group",
        "TEST_DIES_AT": dies_at,
    }
    command = [sys.executable, "-m", "tests.support.pipe_worker", *arguments]
    return subprocess.run(
        command, env=environment, cwd=ROOT, timeout=120 * PATIENCE, check=False
    ).returncode


def rows(database: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


class TestEmbeddedKilled:
    @pytest.mark.parametrize("point", ["handler first", "handler second", "relay after sending"])
    def test_loses_and_repeats_nothing(self, tmp_path, point):
        database = tmp_path / "webchat.sqlite3"
        died = run(database, "embedded", str(CHATS), str(MESSAGES), dies_at=point)
        assert died == -signal.SIGKILL
        recorded = rows(database, RECORDED)[0][0]
        assert rows(database, "SELECT * FROM messaging_outboxevent WHERE status = 1") == []
        assert run(database, "embedded", "0", "0") == 0
        effects = rows(database, "SELECT handler, event_id FROM test_effect")
        assert len(effects) == len(set(effects)) == recorded * len(HANDLERS)
        seqs = rows(database, "SELECT chat, seq FROM test_effect WHERE handler = 'first'")
        for chat in {chat for chat, _ in seqs}:
            found = [seq for of, seq in seqs if of == chat]
            assert found == list(range(1, len(found) + 1))
