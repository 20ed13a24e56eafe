from __future__ import annotations

import os
import signal
import time
from argparse import ArgumentTypeError
from contextlib import suppress
from urllib.request import urlopen

import pytest

from messaging.describing import clean, describe
from messaging.errors import ConfigurationError, RetryableError
from messaging.handling.consumer import Counts
from messaging.handling.heartbeat import Heartbeat
from messaging.handling.metrics import ConsumerMetrics
from messaging.management.arguments import positive, seconds
from messaging.management.exits import INTERRUPTED, ended_by_signals
from tests.support.processes import free_port


class TestHeartbeat:
    def test_touches_its_file_at_most_once_a_second(self, tmp_path):
        now = [0.0]
        file = tmp_path / "beat"
        heartbeat = Heartbeat(str(file), clock=lambda: now[0])
        heartbeat.beat()
        os.utime(file, (1, 1))
        now[0] = 0.9
        heartbeat.beat()
        assert file.stat().st_mtime == 1
        now[0] = 1.0
        heartbeat.beat()
        assert time.time() - file.stat().st_mtime < 60
        heartbeat.remove()
        assert not file.exists()

    def test_does_nothing_without_a_path(self):
        heartbeat = Heartbeat("")
        heartbeat.beat()
        heartbeat.remove()

    def test_says_which_file_cannot_be_written(self, tmp_path):
        with pytest.raises(ConfigurationError, match="missing/beat cannot be written"):
            Heartbeat(str(tmp_path / "missing" / "beat")).beat()


class TestArguments:
    @pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "", "²"])
    def test_positive_refuses(self, text):
        with pytest.raises(ArgumentTypeError):
            positive(text)

    @pytest.mark.parametrize("text", ["0", "-1", "x", "nan", "inf", ""])
    def test_seconds_refuses(self, text):
        with pytest.raises(ArgumentTypeError):
            seconds(text)

    def test_take_what_is_right(self):
        assert (positive("7"), seconds("0.5")) == (7, 0.5)


class TestEndedBySignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_the_process_also_where_the_code_would_catch_anything(self, number, monkeypatch):
        ended: list[int] = []
        monkeypatch.setattr(os, "_exit", ended.append)
        with ended_by_signals(), suppress(BaseException):
            signal.raise_signal(number)
        assert ended == [INTERRUPTED]


class TestDescribe:
    def test_tells_our_own_errors_with_their_reason(self):
        assert describe(RetryableError("away")) == "RetryableError: away"

    def test_tells_a_foreign_errors_class_only(self):
        assert describe(ValueError("what somebody wrote")) == "ValueError"

    def test_clean_gives_what_every_database_takes(self):
        assert clean("a\0b\ud800c" + "x" * 1000, longest=5) == "ab?cx"


class TestConsumerMetrics:
    def test_count_what_was_done(self):
        port = free_port()
        metrics = ConsumerMetrics("webchat-group", port=port)
        try:
            metrics.note(Counts(records=5, invalid=1, batches=2))
            metrics.note(Counts(records=8, invalid=1, batches=3))
            text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        finally:
            metrics.close()
        assert 'webchat_consumer_records_total{group="webchat-group"} 8.0' in text
        assert 'webchat_consumer_invalid_total{group="webchat-group"} 1.0' in text
