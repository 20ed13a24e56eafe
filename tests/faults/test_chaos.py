"""script/chaos: the whole system with something broken at random, and every promise checked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import loopback, stack, watchdog
from tests.support.needs import absent
from tests.support.processes import PATIENCE, wait_until
from tests.support.servers import ROOT
from tests.support.services import Kafka, Postgres, Redis, ServiceMissing

FEW = ("web killed", "line to redis cut", "consumer killed")


@pytest.fixture(autouse=True)
def services() -> None:
    try:
        for service in (Postgres, Redis, Kafka):
            service.find()
    except ServiceMissing as lack:
        absent(str(lack))


def begin(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.chaos", "--json", "--folder", str(folder), *arguments],
        cwd=ROOT,
        env=stack.without_ours(os.environ) | {"PYTHONPATH": loopback.python_path(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def only(*kinds: str) -> Iterator[str]:
    for kind in kinds:
        yield from ("--only", kind)


def judged(*arguments: str, folder: Path) -> dict[str, object]:
    process = begin(*arguments, folder=folder)
    report, words = process.communicate(timeout=600 * PATIENCE)
    assert process.returncode == 0, f"{report}\n{words}"
    found: dict[str, object] = json.loads(report)
    return found


class TestChaos:
    def test_breaks_no_promise_in_a_few_rounds(self, tmp_path: Path) -> None:
        small = ("--seed", "1", "--rounds", "3", "--faults", "1", "--rate", "100", "--chats", "3")
        report = judged(*small, *only(*FEW), folder=tmp_path)
        assert report["violations"] == []
        recoveries = report["recovery_seconds"]
        assert isinstance(recoveries, dict)
        assert recoveries.keys() == set(FEW)

    @pytest.mark.long
    def test_breaks_no_promise_with_every_kind_of_fault(self, tmp_path: Path) -> None:
        report = judged("--seed", "2", "--rounds", "30", "--minutes", "60", folder=tmp_path)
        assert report["violations"] == []
        assert report["rounds"] == 31

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_told_to_stop_leaves_no_process_behind(self, tmp_path: Path, number: int) -> None:
        process = begin("--rate", "50", folder=tmp_path)
        seen: set[int] = set()

        def is_at_work() -> bool:
            seen.update(watchdog.family(process.pid))
            assert process.poll() is None, process.communicate()
            return len(seen) > EVERYBODY

        wait_until(is_at_work, seconds=60, what="the whole system")
        process.send_signal(number)
        process.communicate(timeout=120 * PATIENCE)
        assert process.returncode == 130
        wait_until(lambda: not any(map(watchdog.is_alive, seen)), seconds=20)


# PostgreSQL with its own, Redis, Kafka, lines, two of each process of the chat.
EVERYBODY = 16
