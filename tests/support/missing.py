"""Says which programs the tests lack here: a line for each, its Debian packages before a tab.

`python -m tests.support.missing`; used by script/test, which may install them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from tests.support import browser
from tests.support.pgbouncer import PgBouncer
from tests.support.processes import ServiceMissing
from tests.support.services import Kafka, Postgres, Redis


def find_msgfmt() -> None:
    """It compiles the translations; script/test looks whether the compiled ones are up to date."""
    if not shutil.which("msgfmt"):
        raise ServiceMissing("Translations cannot be checked.", "gettext")


def find_npm() -> None:
    """It installs what checks the browser's scripts: tsc, ESLint, Prettier."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise ServiceMissing("The browser's scripts cannot be checked.", "nodejs", "npm")


def find_promtool() -> None:
    """It checks the rules for Prometheus."""
    if not shutil.which("promtool"):
        raise ServiceMissing("The rules for Prometheus cannot be checked.", "prometheus")


FINDERS: dict[str, Callable[[], object]] = {
    Postgres.environment_name: Postgres.find,
    Redis.environment_name: Redis.find,
    Kafka.environment_name: Kafka.find,
    PgBouncer.environment_name: PgBouncer.find,
    "TEST_CHROMIUM": browser.find,
    "TEST_MSGFMT": find_msgfmt,
    "TEST_NPM": find_npm,
    "TEST_PROMTOOL": find_promtool,
}


def missing() -> list[ServiceMissing]:
    found = []
    for variable, find in FINDERS.items():
        if not os.environ.get(variable):
            try:
                find()
            except ServiceMissing as error:
                found.append(error)
    return found


if __name__ == "__main__":
    for lack in missing():
        print(" ".join(lack.packages), lack, sep="\t")
