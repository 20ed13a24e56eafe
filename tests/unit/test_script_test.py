"""script/test: its sum tells the truth about what the runs reported."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tests.conftest import is_long
from tests.support import needs, stack
from tests.support.servers import ROOT

THIS = "tests/unit/test_script_test.py"
MODULE = "tests.unit.test_script_test"
REPORT = f"""<?xml version="1.0"?>
<testsuites><testsuite>
  <testcase classname="{MODULE}.TestA" name="test_one"/>
  <testcase classname="{MODULE}.TestA" name="test_two"><failure message="no"/></testcase>
  <testcase classname="{MODULE}" name="test_three[a.b-c d]"><error
    message="failed on setup with &quot;no&quot;"/></testcase>
  <testcase classname="{MODULE}.TestA.TestB" name="test_four"><error
    message="failed on teardown with &quot;no&quot;"/></testcase>
  <testcase classname="{MODULE}.TestA" name="test_two"><error
    message="failed on teardown with &quot;no&quot;"/></testcase>
  <testcase classname="" name="{MODULE}"><error message="collection failure"/></testcase>
  <testcase classname="{MODULE}.TestA" name="test_five"><skipped message="No Redis"/></testcase>
</testsuite></testsuites>
"""
FAILED = [
    f"{THIS}::TestA::test_two  # browsers, at teardown",
    f"'{THIS}::test_three[a.b-c d]'  # browsers, at setup",
    f"{THIS}::TestA::TestB::test_four  # browsers, at teardown",
    f"{THIS}  # browsers, could not be read",
]
ENDS = """
import os
import pytest

@pytest.fixture
def broken():
    yield
    raise OSError

def test_in_time(broken):
    pass

def test_with_its_process():
    os._exit(3)
"""


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Works in whatever virtual environment this test runs in."""
    monkeypatch.syspath_prepend(str(ROOT / "script" / "steps"))
    module = importlib.import_module("run_tests")
    monkeypatch.setattr(module, "IS_CI", False)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(module, "ROOT", ROOT)
    module.RESULTS.mkdir()
    return module


def closed(script, total, lacks=()):
    return script.close(total, list(lacks), 0, is_all=True)


class TestReport:
    def test_is_counted(self, script, tmp_path):
        report = tmp_path / "report.xml"
        report.write_text(REPORT)
        total = script.read_report(report, "browsers")
        assert str(total) == "1 passed, 4 failed, 1 skipped"
        assert total.failed == FAILED
        assert total.skipped == [f"{THIS}::TestA::test_five: No Redis"]

    def test_says_on_which_stack_a_test_failed(self, script, tmp_path):
        report = tmp_path / "report.xml"
        report.write_text(REPORT)
        arguments = ["tests/integration", "--stack=services", "-n", "2"]
        total = script.read_report(report, "PostgreSQL and Redis", arguments)
        assert total.failed[0] == (
            f"{THIS}::TestA::test_two --stack=services  # PostgreSQL and Redis, at teardown"
        )


class TestNames:
    def test_of_what_is_no_file_of_ours_stay_as_they_are(self, script):
        assert script.node_id("somewhere.else.TestA", "test_b") == "somewhere.else.TestA.test_b"


class TestEnd:
    def test_is_a_line_that_every_runner_reads(self, script, capsys):
        code = closed(script, script.Sum(passed=3))
        assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed, 0 skipped"
        assert code == 0

    def test_is_bad_when_anything_failed_and_names_it_last(self, script, capsys):
        total = script.Sum(passed=3, failed=FAILED[:2], skipped=["tests/a.py::test_b: no"])
        assert closed(script, total, ["Redis is not here"]) == 1
        assert capsys.readouterr().out.splitlines()[-3:] == [
            *(f"failed: {one}" for one in FAILED[:2]),
            "3 passed, 2 failed, 1 skipped",
        ]

    def test_is_good_with_skips_and_says_what_to_install(self, script, capsys):
        lacks = ["Redis is not on this machine. Debian: apt-get install redis-server"]
        assert closed(script, script.Sum(passed=3, skipped=["tests.A.four: no"]), lacks) == 0
        said = capsys.readouterr().out
        assert "skipped: tests.A.four: no" in said
        assert "apt-get install redis-server" in said

    def test_is_bad_with_skips_where_nothing_may_be_missing(self, script, monkeypatch):
        monkeypatch.setattr(script, "IS_CI", True)
        assert closed(script, script.Sum(passed=3, skipped=["tests.A.four: no"])) == 1

    def test_is_bad_when_nothing_ran(self, script):
        assert closed(script, script.Sum()) == 1


class TestCheck:
    def test_that_fails_says_how_to_run_it_alone(self, script):
        total = script.run_checks({"style": [script.PYTHON, "-c", "raise SystemExit(1)"]})
        (line,) = total.failed
        assert line == f"{script.shown(script.PYTHON)} -c 'raise SystemExit(1)'  # style"

    def test_that_run_at_once_each_stand_under_their_own_name(self, script, capsys):
        checks = {
            name: [script.PYTHON, "-c", f"print('said by {name}')"] for name in ("one", "other")
        }
        assert script.run_checks(checks).passed == 2
        said = capsys.readouterr().out.split()
        assert said == ["==", "one", "said", "by", "one", "==", "other", "said", "by", "other"]

    def test_of_the_browsers_scripts_is_told_as_left_out_without_node(self, script, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        total = script.run_browser_checks()
        assert total.passed == 0
        assert [line.split(":")[0] for line in total.skipped] == list(script.BROWSER_CHECKS)


class TestNode:
    """npm installs what checks the browser's scripts; here a fake one that writes down its call."""

    @pytest.fixture
    def environment(self, script, monkeypatch, tmp_path):
        module = sys.modules["environment"]
        for name in module.NODE_FILES:
            (tmp_path / name).write_text("{}")
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "NODE_MODULES", tmp_path / "node_modules")
        monkeypatch.setattr(module, "NODE_NOTE", tmp_path / "node_modules/.installed.json")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
        (tmp_path / "bin").mkdir()
        self.write(tmp_path / "bin/node", "echo v20.0.0")
        self.write(tmp_path / "bin/npm", "echo $* >> calls; mkdir -p node_modules")
        return module

    def write(self, program, body):
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    def test_packages_are_installed_once_and_again_when_their_list_has_changed(self, environment):
        calls = environment.ROOT / "calls"
        assert environment.ready_node()
        assert environment.ready_node()
        assert calls.read_text() == "ci --silent\n"
        (environment.ROOT / "package-lock.json").write_text('{"changed": true}')
        assert environment.ready_node()
        assert calls.read_text() == "ci --silent\n" * 2

    def test_packages_that_cannot_be_installed_end_it_with_the_next_step(self, environment, capsys):
        self.write(environment.ROOT / "bin/npm", "echo no such host; exit 1")
        with pytest.raises(SystemExit):
            environment.ready_node()
        assert "(no such host). Is the network there? Then start again." in capsys.readouterr().err
        assert not environment.NODE_NOTE.exists()


class TestRun:
    @pytest.fixture
    def broken(self, script, tmp_path):
        """Has a Python that ends at once, with 4."""
        script.PYTHON = tmp_path / "python"
        script.PYTHON.write_text("#!/bin/sh\nexit 4\n")
        script.PYTHON.chmod(0o755)
        return script

    def test_that_ends_without_a_report_has_failed(self, broken):
        total = broken.run_tests("nothing", ["tests/e2e", "-n", "2"])
        assert total.failed == [
            f"{broken.PYTHON} -m pytest tests/e2e -n 2  # nothing: ended with 4 without a report"
        ]

    def test_whose_report_breaks_off_has_failed(self, broken):
        (broken.RESULTS / "half.xml").write_text(REPORT[:200])
        assert "ended with 4 without a report" in broken.run_tests("half", []).failed[0]

    def test_that_fails_outside_of_any_test_has_failed(self, broken):
        (broken.RESULTS / "whole.xml").write_text("<testsuites/>")
        assert "ended with 4 outside of any test" in broken.run_tests("whole", []).failed[0]

    def test_of_a_folder_without_tests_counts_nothing(self, script, tmp_path):
        folder = tmp_path / "empty"
        folder.mkdir()
        options = ["-c", "/dev/null", "--rootdir", str(folder), "-p", "no:django"]
        total = script.run_tests("empty", [str(folder), *options])
        assert str(total) == "0 passed, 0 failed, 0 skipped"

    def test_names_what_took_its_worker_with_it(self, script, tmp_path):
        needs.module("xdist")
        folder = tmp_path / "tests"
        folder.mkdir()
        (folder / "test_ends.py").write_text(ENDS)
        script.ROOT = tmp_path
        options = ["-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "no:django"]
        total = script.run_tests("ends", [str(folder), *options, "-n", "1"])
        assert total.failed == [
            "tests/test_ends.py::test_in_time  # ends, at teardown",
            "tests/test_ends.py::test_with_its_process  # ends, its worker crashed",
        ]


class TestLong:
    def test_is_said_to_be_left_out(self, script, capsys):
        script.close(script.Sum(passed=3), [], 0, is_all=False)
        assert "without the long tests (script/test --all)" in capsys.readouterr().out
        closed(script, script.Sum(passed=3))
        assert "long" not in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("mark", "on"),
        [
            (pytest.mark.long, {"embedded", "services"}),
            (pytest.mark.long(on="services"), {"services"}),
        ],
    )
    def test_is_on_every_stack_or_the_one_that_it_names(self, mark, on):
        assert {name for name in stack.NAMES if is_long([mark.mark], on=name)} == on
        assert not is_long([], on="embedded")
