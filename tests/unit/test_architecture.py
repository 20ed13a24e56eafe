"""Who imports whom is checked, not only drawn: the contracts are in pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import needs, stack

needs.module("importlinter")


ROOT = Path(__file__).resolve().parents[2]


class TestWebProcess:
    def test_has_nothing_in_it_that_unfolds_pictures(self):
        program = "import sys, webchat.asgi, webchat.urls; print('PIL' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=stack.without_ours(os.environ) | stack.SETTINGS,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "False"


class TestImports:
    def test_go_one_way(self):
        program = Path(sys.executable).with_name("lint-imports")
        done = subprocess.run(
            [program, "--no-cache", "--no-logo"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
