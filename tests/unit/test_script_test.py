"""script/test: its sum tells the truth about what the runs reported."""

from __future__ import annotations

import importlib

import pytest

from tests.servers import ROOT

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite>
  <testcase classname="tests.A" name="one"/>
  <testcase classname="tests.A" name="two"><failure message="no"/></testcase>
  <testcase classname="tests.A" name="three"><error message="no"/></testcase>
  <testcase classname="tests.A" name="four"><skipped message="Redis is not here"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def script(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "script" / "steps"))
    module = importlib.import_module("run_tests")
    monkeypatch.setattr(module, "IS_CI", False)
    return module


class TestReport:
    def test_is_counted(self, script, tmp_path):
        report = tmp_path / "report.xml"
        report.write_text(REPORT)
        total = script.read_report(report)
        assert str(total) == "1 passed, 2 failed, 1 skipped"
        assert total.failed == ["tests.A.two", "tests.A.three"]
        assert total.skipped == ["tests.A.four: Redis is not here"]


class TestEnd:
    def test_is_a_line_that_every_runner_reads(self, script, capsys):
        code = script.close(script.Sum(passed=3), [], 0)
        assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed, 0 skipped"
        assert code == 0

    def test_is_bad_when_anything_failed_and_names_it(self, script, capsys):
        assert script.close(script.Sum(passed=3, failed=["tests.A.two"]), [], 0) == 1
        assert "failed: tests.A.two" in capsys.readouterr().out

    def test_is_good_with_skips_and_says_what_to_install(self, script, capsys):
        lacks = ["Redis is not on this machine. Debian: apt-get install redis-server"]
        assert script.close(script.Sum(passed=3, skipped=["tests.A.four: no"]), lacks, 0) == 0
        said = capsys.readouterr().out
        assert "skipped: tests.A.four: no" in said
        assert "apt-get install redis-server" in said

    def test_is_bad_with_skips_where_nothing_may_be_missing(self, script, monkeypatch):
        monkeypatch.setattr(script, "IS_CI", True)
        assert script.close(script.Sum(passed=3, skipped=["tests.A.four: no"]), [], 0) == 1

    def test_is_bad_when_nothing_ran(self, script):
        assert script.close(script.Sum(), [], 0) == 1


class TestRun:
    def test_that_ends_without_a_report_has_failed(self, script, monkeypatch, tmp_path):
        monkeypatch.setattr(script, "RESULTS", tmp_path)
        total = script.run_tests("nothing", ["--no-such-option"])
        assert total.failed == ["nothing: ended without a report"]

    def test_of_a_folder_without_tests_counts_nothing(self, script, monkeypatch, tmp_path):
        monkeypatch.setattr(script, "RESULTS", tmp_path)
        total = script.run_tests("empty", [str(tmp_path), "--rootdir", str(tmp_path)])
        assert str(total) == "0 passed, 0 failed, 0 skipped"
