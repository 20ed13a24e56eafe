"""The rules for Prometheus: valid, firing when they should, and of metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from messaging.operating.measuring import metrics_of
from messaging.operating.processes import ConsumerFigures, Unattended
from messaging.operating.status import BusFigures
from tests.support import needs
from webchat import metrics  # noqa: F401  registers what a web process shows

yaml = needs.module("yaml")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "webchat.rules.yml"
OWN = re.compile(r"\bwebchat_[a-z_]+\b")


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


@pytest.fixture(scope="module")
def promtool() -> str:
    program = shutil.which("promtool")
    if not program:
        needs.absent("promtool is not on this machine.")
    return program


def run(promtool: str, *arguments: str | Path, folder: Path = FOLDER) -> str:
    done = subprocess.run(
        [promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shown() -> Iterator[str]:
    consumer = ConsumerFigures("h", 1, "1", 0.0, 0.0, "a", 1, [], 1, 1.0)
    figures = BusFigures(
        *("kafka", 0, 0.0, 0, 0, None),
        consumers=[consumer],
        unattended=[Unattended("b", None, "", True, 1, 1.0)],
    )
    yield "webchat_bus_figures"
    yield from (each.name for each in metrics_of(figures))
    yield from REGISTRY._names_to_collectors


class TestRules:
    def test_are_taken_by_prometheus(self, promtool):
        assert f"{len(rules())} rules found" in run(promtool, "check", "rules", RULES)
        run(promtool, "check", "config", FOLDER / "prometheus.yml")

    def test_speak_of_metrics_that_there_are(self):
        asked = {name for rule in rules() for name in OWN.findall(rule["expr"])}
        assert asked - set(shown()) == set()

    def test_fire_when_they_should_and_not_before(self, promtool, tmp_path):
        (tmp_path / RULES.name).write_text(RULES.read_text())
        (tmp_path / "tests.yml").write_text(yaml.safe_dump(CASES))
        run(promtool, "test", "rules", "tests.yml", folder=tmp_path)

    def test_have_each_a_row_of_what_to_do(self):
        runbook = (ROOT / "docs" / "operations.md").read_text()
        rows = set(re.findall(r"^\| `(Webchat\w+)` \|", runbook, re.MULTILINE))
        assert rows == {rule["alert"] for rule in rules()}


def series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def case(
    alert: str, minutes: int, given: list[dict[str, str]], *fired: dict[str, str]
) -> dict[str, Any]:
    """What fires after so many minutes, each with its labels and its `summary`; or nothing."""
    severity = next(r["labels"]["severity"] for r in rules() if r["alert"] == alert)
    expected = [
        {
            "exp_labels": {k: v for k, v in one.items() if k != "summary"} | {"severity": severity},
            "exp_annotations": {"summary": one["summary"]},
        }
        for one in fired
    ]
    return {
        "interval": "15s",
        "input_series": given,
        "alert_rule_test": [
            {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": expected}
        ],
    }


def nobody_reads(unread: int) -> list[dict[str, str]]:
    """Two web processes say it of one group; of another one that it is read."""
    return [
        *(series(f'webchat_consumers{{group="a",instance="{web}"}}', "0x20") for web in "12"),
        *(
            series(f'webchat_unattended_events{{group="a",instance="{web}"}}', f"{unread}x20")
            for web in "12"
        ),
        series('webchat_consumers{group="b",instance="1"}', "1x20"),
    ]


GONE = {"group": "a", "summary": "No consumer of a runs, and events wait for it"}
DOWN = {"job": "webchat-web", "instance": "h:1"}
CASES = {
    "rule_files": [RULES.name],
    "evaluation_interval": "15s",
    "tests": [
        case("WebchatNobodyReads", 2, nobody_reads(5), GONE),
        case("WebchatNobodyReads", 2, nobody_reads(0)),
        case(
            "WebchatGroupBehind",
            4,
            [series('webchat_lag_seconds{group="a"}', "90x20")],
            {"group": "a", "summary": "a is 1m 30s behind"},
        ),
        case("WebchatGroupBehind", 4, [series('webchat_lag_seconds{group="a"}', "59x20")]),
        case("WebchatGroupBehind", 1, [series('webchat_lag_seconds{group="a"}', "90x20")]),
        case(
            "WebchatOutboxStuck",
            3,
            [series("webchat_outbox_oldest_seconds", "0 90x20")],
            {"summary": "Events have waited in the outbox for 1m 30s"},
        ),
        case(
            "WebchatProcessGone",
            3,
            [series('up{job="webchat-web",instance="h:1"}', "1 0x20")],
            {**DOWN, "summary": "webchat-web at h:1 does not answer"},
        ),
        case("WebchatProcessGone", 3, [series('up{job="other",instance="h:1"}', "0x20")]),
        case(
            "WebchatDatabaseAway",
            3,
            [series("webchat_bus_figures", "0x20")],
            {"summary": "A web process cannot read the bus's figures: the database is away"},
        ),
    ],
}
