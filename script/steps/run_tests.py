"""script/test: gets what testing needs, runs every check and every test, and ends with one sum.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from environment import PYTHON, ROOT, ready_python, say

RESULTS = ROOT / "var" / "test-results"
IS_CI = os.environ.get("CI", "").lower() in {"true", "1"}

CHECKS: dict[str, list[str]] = {
    "style": ["-m", "ruff", "check"],
    "format": ["-m", "ruff", "format", "--check"],
    "types": ["-m", "mypy", "."],
    "migrations": ["manage.py", "makemigrations", "--check", "--dry-run"],
    "messages": ["script/steps/check_messages.py"],
}
TWO_WORKERS = ["-n", "2", "--dist", "worksteal"]
TESTS: dict[str, list[str]] = {
    "SQLite and memory": ["tests/unit", "tests/integration", "tests/security", *TWO_WORKERS],
    "PostgreSQL and Redis": [
        "tests/integration",
        "tests/faults/test_replay_and_reconcile.py",
        "--stack=services",
        *TWO_WORKERS,
    ],
    # These mostly wait: for services to come back, for members to be missed.
    "real Kafka and faults": ["tests/contract", "tests/faults", "-n", "3", "--dist", "worksteal"],
    "browsers": ["tests/e2e", *TWO_WORKERS],
}
NO_TESTS_COLLECTED = 5


@dataclass
class Sum:
    """How many passed, and the others by name; those left out with why."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, other: Sum) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def get_programs() -> list[str]:
    """What is still missing after installing what can be installed, in words."""
    lacks = ask_what_is_missing()
    packages = sorted({package for lack in lacks for package in lack.split("\t")[0].split()})
    if packages and os.getuid() == 0 and shutil.which("apt-get"):
        say(f"installing {' '.join(packages)}")
        # RUNLEVEL: a package's own service is not started, the tests start theirs.
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(
                command, env=quiet, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
            )
        lacks = ask_what_is_missing()
    return [lack.split("\t")[1] for lack in lacks]


def ask_what_is_missing() -> list[str]:
    done = subprocess.run(
        [PYTHON, "-m", "tests.missing"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()


def run_check(name: str, arguments: list[str]) -> Sum:
    heading(name)
    done = subprocess.run(
        [PYTHON, *arguments], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, check=False
    )
    return Sum(failed=[name]) if done.returncode else Sum(passed=1)


def run_tests(name: str, arguments: list[str]) -> Sum:
    heading(f"tests: {name}")
    report = RESULTS / f"{name.replace(' ', '-').lower()}.xml"
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "--durations=5", f"--junit-xml={report}", *arguments],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if not report.exists():
        return Sum(failed=[f"{name}: ended without a report"])
    counted = read_report(report)
    if done.returncode not in (0, NO_TESTS_COLLECTED) and not counted.failed:
        counted.failed.append(f"{name}: ended with {done.returncode} outside of any test")
    return counted


def read_report(report: Path) -> Sum:
    counted = Sum()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if (skip := case.find("skipped")) is not None:
            counted.skipped.append(f"{name}: {skip.get('message')}")
        elif case.find("failure") is not None or case.find("error") is not None:
            counted.failed.append(name)
        else:
            counted.passed += 1
    return counted


def environment() -> dict[str, str]:
    # Compiled test modules are kept: some ten processes load all of them.
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    # Checks load the settings: they must not need the caller's own variables.
    return kept | {"SECRET_KEY": "for-checks-and-tests-only-for-checks-and-tests-only"}


def heading(words: str) -> None:
    print(f"\n== {words}", flush=True)


def close(total: Sum, lacks: list[str], began: float) -> int:
    heading("in all")
    for line in total.skipped:
        print(f"skipped: {line}")
    for line in total.failed:
        print(f"failed: {line}")
    for line in lacks if total.skipped else ():
        print(f"missing: {line}")
    print(f"{time.monotonic() - began:.0f} s; reports are in {RESULTS.relative_to(ROOT)}/")
    print(total, flush=True)
    return 1 if total.failed or not total.passed or (IS_CI and total.skipped) else 0


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    ready_python("requirements-dev.txt")
    lacks = get_programs()
    if arguments:
        command = [str(PYTHON), "-m", "pytest", *arguments]
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    total = Sum()
    for name, check in CHECKS.items():
        total.add(run_check(name, check))
    for name, tests in TESTS.items():
        total.add(run_tests(name, tests))
    return close(total, lacks, began)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
