"""Files that no test would run (compose file, units, table of variables) still tell the truth."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from django.core.management import get_commands

from chat.errors import ChatError
from chat.limits.document import markdown
from chat.limits.table import HOUR, MINUTE, SECOND, TABLE
from chat.live.frames import OTHER_FRAMES, REQUESTS
from chat.wire.protocol import CloseCode
from tests.support import needs, stack

ROOT = Path(__file__).resolve().parents[2]

# Reads the settings in a fresh process and says which variables they asked for.
ASKED = """
import json
from webchat.environment import Environment
names, text = set(), Environment.text
def asked(self, name, **options):
    names.add(name)
    return text(self, name, **options)
Environment.text = asked
import webchat.settings
print(json.dumps(sorted(names)))
"""
READ_ELSEWHERE = {"PORT"}  # script/server


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """The variables that the settings read."""
    # DEBUG: whether static files were collected on this machine then makes no difference.
    environment = stack.without_ours(os.environ) | {"SECRET_KEY": "0" * 40, "DEBUG": "true"}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    return set(json.loads(done.stdout))


def is_runnable(command: list[str]) -> bool:
    """A manage.py command that exists, or Daphne with an application that can be named."""
    match command:
        case [_, "manage.py", name, *_]:
            return name in get_commands()
        case [_, "-m", "daphne", *_, application]:
            module, _, name = application.partition(":")
            return hasattr(importlib.import_module(module), name)
    return False


@pytest.fixture(scope="module")
def compose() -> dict:
    yaml = needs.module("yaml")
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def ours(compose) -> dict:
    """The services that run this project's own image."""
    return {name: one for name, one in compose["services"].items() if "build" in one}


class TestCompose:
    def test_runs_every_process_of_the_chat(self, compose, ours):
        assert {"kafka", "postgres", "redis"} <= compose["services"].keys()
        assert {"migrate", "web", "relay", "consumer"} <= ours.keys()

    def test_leaves_the_outbox_to_the_relay(self, ours):
        assert ours["web"]["environment"]["RELAY_IN_WEB"] == "false"
        assert "run_outbox_relay" in ours["relay"]["command"]

    def test_names_commands_that_exist(self, ours):
        wrong = {name: one["command"] for name, one in ours.items()}
        assert not {name for name, command in wrong.items() if not is_runnable(command)}

    def test_names_variables_that_the_settings_read(self, ours, variables):
        for name, service in ours.items():
            assert service["environment"].keys() <= variables, name

    def test_waits_only_for_services_that_are_there(self, compose):
        for service in compose["services"].values():
            assert service.get("depends_on", {}).keys() <= compose["services"].keys()

    def test_keeps_data_on_named_volumes(self, compose):
        used = {
            volume.split(":")[0]
            for service in compose["services"].values()
            for volume in service.get("volumes", [])
        }
        assert used == compose["volumes"].keys()

    def test_keeps_the_two_listeners_of_kafka_and_its_health_check(self, compose):
        kafka = compose["services"]["kafka"]
        advertised = kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        assert advertised == "PLAINTEXT://kafka:9092,PLAINTEXT_HOST://localhost:29092"
        assert kafka["ports"] == ["9092:9092", "29092:29092"]
        assert kafka["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "true"
        check = kafka["healthcheck"]
        assert (check["interval"], check["timeout"], check["retries"]) == ("10s", "5s", 5)
        assert "--list" in check["test"][1]

    def test_starts_again_what_did_not_find_what_it_needs(self, ours):
        assert {one["restart"] for one in ours.values()} == {"on-failure", "unless-stopped"}

    def test_starts_without_zookeeper(self, compose):
        assert "zookeeper" not in compose["services"]
        assert "broker,controller" in compose["services"]["kafka"]["environment"].values()


class TestImage:
    def test_copies_only_what_is_there(self):
        text = (ROOT / "Dockerfile").read_text()
        for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
            *sources, _ = line.split()
            for source in sources:
                assert (ROOT / source).exists(), source

    def test_starts_the_web_process_as_compose_does(self, compose):
        command = re.search(r"^CMD (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        assert command
        assert json.loads(command[1]) == compose["services"]["web"]["command"]


class TestUnits:
    @pytest.fixture(
        params=sorted((ROOT / "deploy" / "systemd").glob("*.service")), ids=lambda path: path.name
    )
    def unit(self, request) -> configparser.RawConfigParser:
        parser = configparser.RawConfigParser(strict=False)
        parser.read(request.param)
        return parser

    def test_start_commands_that_exist(self, unit):
        assert is_runnable(shlex.split(unit["Service"]["ExecStart"]))

    def test_start_again_for_as_long_as_something_is_missing(self, unit):
        assert unit["Service"]["Restart"] == "always"
        assert unit["Unit"]["StartLimitIntervalSec"] == "0"

    def test_give_a_process_the_time_to_finish(self, unit):
        assert int(unit["Service"]["TimeoutStopSec"]) > 15

    def test_are_given_variables_that_the_settings_read(self, variables):
        text = (ROOT / "deploy" / "webchat.env.example").read_text()
        assert set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)) <= variables


class TestConfiguration:
    @pytest.mark.parametrize("file", ["docs/configuration.md", "docs/configuration.ru.md"])
    def test_has_a_row_for_every_variable_and_no_other(self, file, variables):
        rows = re.findall(r"^\| `([A-Z_]+)`", (ROOT / file).read_text(), re.MULTILINE)
        others = {limit.variable for limit in TABLE} - set(rows)
        assert set(rows) | others == variables | READ_ELSEWHERE
        assert "(limits.md)" in (ROOT / file).read_text()

    @pytest.mark.parametrize("file", ["docs/configuration.md", "docs/configuration.ru.md"])
    def test_says_the_defaults_of_the_limits_that_it_names(self, file):
        rows = re.findall(r"^\| `([A-Z_]+)` \| `(\d+)`", (ROOT / file).read_text(), re.MULTILINE)
        said = {name: int(default) for name, default in rows}
        named = {limit.variable: limit.default for limit in TABLE if limit.variable in said}
        assert named
        assert {name: said[name] for name in named} == named


class TestLimits:
    def test_page_is_made_of_the_table(self):
        """Else: manage.py show_limits --markdown > docs/limits.md"""
        assert (ROOT / "docs/limits.md").read_text() == markdown()

    def test_rows_have_names_and_variables_of_their_own(self):
        for names in ([limit.name for limit in TABLE], [limit.variable for limit in TABLE]):
            assert len(set(names)) == len(names)

    def test_variables_say_their_time(self):
        said = {SECOND: "PER_SECOND", MINUTE: "PER_MINUTE", HOUR: "PER_HOUR"}
        for limit in TABLE:
            if words := said.get(limit.window_seconds):
                assert limit.variable.endswith(words)


class TestScripts:
    @pytest.mark.parametrize("script", ["script/server", "script/test", ".ci/run", "manage.py"])
    def test_can_be_started(self, script):
        assert os.access(ROOT / script, os.X_OK)
        assert (ROOT / script).read_text().startswith("#!/usr/bin/env ")


def required(file: str) -> set[str]:
    """The names in a requirements file, as distributions write them."""
    lines = (ROOT / file).read_text().splitlines()
    names = (re.match(r"[A-Za-z0-9_.-]+", line) for line in lines if line[:1].isalpha())
    return {normal(found[0]) for found in names if found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(*folders: str) -> set[str]:
    """The distributions that the code of these folders imports."""
    providers = importlib.metadata.packages_distributions()
    found = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for module in modules:
                found |= {normal(name) for name in providers.get(module.partition(".")[0], ())}
    return found


class TestRequirements:
    # Named in the settings or on a command line, or used through another: redis through
    # channels-redis, crc32c through kafka-python, both minifiers through servestatic.
    UNSEEN: ClassVar = {"channels-redis", "crc32c", "daphne", "psycopg", "redis", "servestatic"}
    UNSEEN |= {"rcssmin", "rjsmin"}
    # Comes with Django and Channels, and is used through them.
    ALONG: ClassVar = {"asgiref"}
    # Comes with Daphne, and puts a plugin of its own below Twisted's name.
    ALONG |= {"autobahn"}
    # And the socket of script/server --check.
    FOR_TESTS: ClassVar = {"pytest", "pytest-django", "pytest-asyncio", "websockets"}

    def test_have_everything_that_running_imports(self):
        assert imported("webchat", "chat", "messaging") <= required("requirements.txt") | self.ALONG

    def test_have_nothing_that_running_does_not_use(self):
        used = imported("webchat", "chat", "messaging") | self.UNSEEN | self.FOR_TESTS
        assert required("requirements.txt") <= used

    def test_for_development_have_everything_that_tests_import(self):
        # cryptography: with Daphne's TLS.
        given = required("requirements.txt") | required("requirements-dev.txt") | self.ALONG
        assert imported("tests", "bench", "script") <= given | {"cryptography"}

    @pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
    def test_are_pinned_and_each_says_why(self, file):
        reason = ""
        for line in (ROOT / file).read_text().splitlines():
            if line[:1].isalpha():
                assert "==" in line or line.startswith("django>="), line
                assert reason.startswith("#") or line.startswith("types-"), line
            reason = line


class TestPackages:
    """What npm installs to check the browser's scripts; the page itself needs none of it."""

    WANTED: ClassVar = json.loads((ROOT / "package.json").read_text())
    LOCK: ClassVar = json.loads((ROOT / "package-lock.json").read_text())

    def test_are_for_development_alone_pinned_and_each_says_why(self):
        assert "dependencies" not in self.WANTED
        packages = self.WANTED["devDependencies"]
        assert [version for version in packages.values() if not version[0].isdigit()] == []
        reasons = (ROOT / "CONTRIBUTING.md").read_text()
        assert [name for name in packages if f"| `{name}` |" not in reasons] == []

    def test_are_locked_by_their_content_and_come_from_whatever_registry_is_set_up(self):
        packages = {name: entry for name, entry in self.LOCK["packages"].items() if name}
        assert [name for name, entry in packages.items() if "integrity" not in entry] == []
        assert [name for name, entry in packages.items() if "resolved" in entry] == []
        assert self.LOCK["packages"][""]["devDependencies"] == self.WANTED["devDependencies"]

    def test_run_nothing_of_their_own_when_they_are_installed(self):
        assert "ignore-scripts=true" in (ROOT / ".npmrc").read_text().splitlines()
        assert "scripts" not in self.WANTED


# Not for the index: which stands beside what it is about.
ASIDE = {ROOT / "bench/README.md"}


class TestDocuments:
    FILES: ClassVar = sorted(
        [
            *ROOT.glob("*.md"),
            *(f for d in ("docs", "deploy", "bench") for f in ROOT.glob(f"{d}/*.md")),
        ]
    )

    def test_are_all_in_the_index(self):
        index = ROOT / "docs/README.md"
        linked = {
            (index.parent / name).resolve()
            for name in re.findall(r"\]\(([^)#]+)\)", index.read_text())
        }
        assert {*self.FILES, ROOT / "docs/asyncapi.yaml"} - {index} <= linked | ASIDE

    @pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
    def test_name_only_files_that_are_there(self, file):
        text = file.read_text()
        named = {name for name in re.findall(r"`([\w./-]+/[\w./-]*)`", text) if name[0] != "/"}
        linked = set(re.findall(r"\]\((?!http)([^)#]+)\)", text))
        gone = {name for name in named if not (ROOT / name).exists()}
        gone |= {name for name in linked if not (file.parent / name).exists()}
        assert not gone - {"var/"}

    @pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
    def test_name_only_tests_that_are_there(self, file):
        for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", file.read_text()):
            assert f"class {name}" in (ROOT / path).read_text() if name else (ROOT / path).exists()

    @pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
    def test_name_only_commands_that_are_there(self, file):
        commands = set(re.findall(r"manage\.py ([a-z_]+)", file.read_text()))
        assert commands <= get_commands().keys()


class TestArchitecture:
    TEXT: ClassVar = (ROOT / "ARCHITECTURE.md").read_text()

    def section(self, title: str) -> str:
        return self.TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]

    def test_names_every_error_code_and_no_other(self):
        errors: list[type[ChatError]] = [ChatError, *ChatError.__subclasses__()]
        codes = {error.code for error in errors}
        sentence = self.section("The socket").split("Errors have")[1].split("Close codes")[0]
        assert set(re.findall(r"`(\w+)`", sentence)) - {"code", "detail", "retry_after"} == codes

    def test_names_every_close_code_and_no_other(self):
        table = self.section("The socket").split("Close codes:")[1]
        rows = re.findall(r"^\| (\d{4}) \|", table, re.MULTILINE)
        assert set(map(int, rows)) == set(CloseCode)

    def test_names_the_same_close_codes_as_the_contract(self):
        contract = (ROOT / "docs/asyncapi.yaml").read_text()
        sentence = contract.split("Close codes:")[1].split("\n\n")[0]
        assert set(map(int, re.findall(r"\b\d{4}\b", sentence))) == set(CloseCode)

    def test_names_every_frame_of_the_socket(self):
        rows = set(re.findall(r"^\| `([a-z.]+)`", self.section("The socket"), re.MULTILINE))
        assert rows == REQUESTS.keys() | OTHER_FRAMES.keys()

    @pytest.mark.parametrize("topic", ["chat-messages", "message-delivery-status"])
    def test_names_every_field_of_a_topic(self, topic):
        row = re.search(rf"^\| `{topic}` .*$", self.section("The topics"), re.MULTILINE)
        assert row
        schema = json.loads((ROOT / f"chat/events/schemas/{topic}.v1.json").read_text())
        assert set(re.findall(r"`(\w+)`", row[0])) == schema["properties"].keys()


class TestPackagesOfTests:
    """`pip install -r requirements.txt && pytest` works anywhere: the rest is left out in words."""

    # What takes them in, or says what to install (tests.support.needs).
    BEHIND_A_WORD: ClassVar = {"tests/support/playwrights.py", "tests/support/properties.py"}

    @staticmethod
    def packages_of(file: str) -> set[str]:
        """The names under which the packages of a requirements file are imported."""
        lines = (ROOT / file).read_text().splitlines()
        listed = {re.split(r"[\[=<>]", line)[0] for line in lines if re.match(r"[A-Za-z]", line)}
        by_package = importlib.metadata.packages_distributions()
        return {
            name
            for name, packages in by_package.items()
            if {package.lower() for package in packages} & {one.lower() for one in listed}
        }

    @staticmethod
    def imported_at_once(file: Path) -> set[str]:
        """Packages that the module cannot be read without."""
        found = set()
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
        return found

    def test_that_only_tests_have_are_never_needed_to_read_a_test(self):
        for name in ("hypothesis", "playwright"):
            needs.module(name)
        more = self.packages_of("requirements-dev.txt") - self.packages_of("requirements.txt")
        tests = {file.relative_to(ROOT).as_posix(): file for file in (ROOT / "tests").rglob("*.py")}
        found = {
            name: needed
            for name, file in tests.items()
            if name not in self.BEHIND_A_WORD and (needed := self.imported_at_once(file) & more)
        }
        assert found == {}
