"""script/test: gets what testing needs, runs the checks and tests, and ends with one sum.

Tests that are marked long are left out; `script/test --all` runs them, too.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from environment import NODE_MODULES, PYTHON, ROOT, ready_node, ready_python, say

RESULTS = ROOT / "var" / "test-results"
IS_CI = os.environ.get("CI", "").lower() in {"true", "1"}

Command = Sequence[str | Path]

# The one that takes longest first.
CHECKS: dict[str, Command] = {
    "types": [PYTHON, "-m", "mypy", "."],
    "style": [PYTHON, "-m", "ruff", "check"],
    "format": [PYTHON, "-m", "ruff", "format", "--check"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "messages": [PYTHON, "script/steps/check_messages.py"],
}
# Of the browser's scripts; they need Node.
BROWSER_CHECKS: dict[str, Command] = {
    "browser types": [NODE_MODULES / ".bin" / "tsc", "--project", "tsconfig.json"],
    "browser style": [NODE_MODULES / ".bin" / "eslint", "--max-warnings", "0", "."],
    "browser format": [NODE_MODULES / ".bin" / "prettier", "--check", "--log-level", "warn", "."],
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
ALL = "--all"
WITHOUT_LONG = "--quick"
NO_TESTS_COLLECTED = 5


@dataclass
class Sum:
    """How many passed; the others as what runs them alone, `# where` they failed behind it; those
    left out with why.
    """

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
        [PYTHON, "-m", "tests.support.missing"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def run_checks(checks: Mapping[str, Command]) -> Sum:
    """As many at once as there are cores; what each has to say stands under its name."""
    total = Sum()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in zip(checks, pool.map(run_check, checks.values()), strict=True):
            heading(name)
            print(done.stdout, end="", flush=True)
            if done.returncode:
                total.failed.append(f"{in_a_shell(checks[name])}  # {name}")
            else:
                total.passed += 1
    return total


def run_check(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run_browser_checks() -> Sum:
    """Told as left out where Node is missing, like the tests that lack a program."""
    if ready_node():
        return run_checks(BROWSER_CHECKS)
    return Sum(skipped=[f"{name}: npm is not on this machine." for name in BROWSER_CHECKS])


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
    alone = in_a_shell([PYTHON, "-m", "pytest", *arguments])
    try:
        counted = read_report(report, name, arguments)
    except (OSError, ElementTree.ParseError):
        return Sum(failed=[f"{alone}  # {name}: ended with {done.returncode} without a report"])
    if done.returncode not in (0, NO_TESTS_COLLECTED) and not counted.failed:
        words = f"{name}: ended with {done.returncode} outside of any test"
        counted.failed.append(f"{alone}  # {words}")
    return counted


def read_report(report: Path, stage: str, arguments: Sequence[str] = ()) -> Sum:
    """Of JUnit's XML, which has a testcase twice when both it and its teardown have failed.

    Raises OSError, ElementTree.ParseError: it was not written to its end.
    """
    counted = Sum()
    failed: dict[str, list[str]] = {}
    options = [argument for argument in arguments if argument.startswith("--stack")]
    for case in ElementTree.parse(report).iter("testcase"):
        name = node_id(case.get("classname") or "", case.get("name") or "")
        if (skip := case.find("skipped")) is not None:
            counted.skipped.append(f"{name}: {skip.get('message')}")
        elif faults := [*case.findall("failure"), *case.findall("error")]:
            alone = " ".join([shlex.quote(name), *options])
            failed.setdefault(alone, [stage]).extend(filter(None, map(when, faults)))
        else:
            counted.passed += 1
    counted.failed = [f"{alone}  # {', '.join(where)}" for alone, where in failed.items()]
    return counted


def node_id(class_name: str, name: str) -> str:
    """What pytest takes: `tests/test_a.py::TestB::test_c` of `tests.test_a.TestB` and `test_c`. A
    module that could not be read has no class name.
    """
    parts = [*filter(None, class_name.split(".")), *([name] if class_name else name.split("."))]
    for place in range(len(parts), 0, -1):
        path = f"{'/'.join(parts[:place])}.py"
        if (ROOT / path).is_file():
            return "::".join([path, *parts[place:]])
    return ".".join(parts)


def when(fault: ElementTree.Element) -> str:
    """Where in the test it was, when not in the test itself."""
    message = fault.get("message") or ""
    if "crashed while running" in message:
        return "its worker crashed"
    for part in ("setup", "teardown"):
        if message.startswith(f"failed on {part}"):
            return f"at {part}"
    return "could not be read" if message.startswith("collection") else ""


def in_a_shell(command: Command) -> str:
    return shlex.join(shown(part) if isinstance(part, Path) else part for part in command)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def environment() -> dict[str, str]:
    # Compiled test modules are kept: some ten processes load all of them.
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    # Checks load the settings: they must not need the caller's own variables.
    return kept | {"SECRET_KEY": "for-checks-and-tests-only-for-checks-and-tests-only"}


def heading(words: str) -> None:
    print(f"\n== {words}", flush=True)


def close(total: Sum, lacks: list[str], began: float, *, is_all: bool) -> int:
    heading("in all" if is_all else f"in all, without the long tests (script/test {ALL})")
    for line in total.skipped:
        print(f"skipped: {line}")
    for line in lacks if total.skipped else ():
        print(f"missing: {line}")
    print(f"{time.monotonic() - began:.0f} s; reports are in {shown(RESULTS)}/")
    for line in total.failed:
        print(f"failed: {line}")
    print(total, flush=True)
    return 1 if total.failed or not total.passed or (IS_CI and total.skipped) else 0


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    ready_python("requirements-dev.txt")
    lacks = get_programs()
    is_all = arguments == [ALL]
    if arguments and not is_all:
        command = [str(PYTHON), "-m", "pytest", *arguments]
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    total = run_checks(CHECKS)
    total.add(run_browser_checks())
    for name, tests in TESTS.items():
        total.add(run_tests(name, tests if is_all else [*tests, WITHOUT_LONG]))
    return close(total, lacks, began, is_all=is_all)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
