"""Makes .venv and node_modules and installs what their files name, only when those have changed.

Runs on a bare Python 3.11: standard library only. Every failure is one line with the next step.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NOTE = VENV / ".installed.json"
NODE_MODULES = ROOT / "node_modules"
NODE_NOTE = NODE_MODULES / ".installed.json"
NODE_FILES = ("package.json", "package-lock.json")


def say(words: str) -> None:
    print(f"Webchat: {words}", file=sys.stderr, flush=True)


def stop(words: str, code: int = 1) -> NoReturn:
    say(words)
    raise SystemExit(code)


def ready_python(requirements: str) -> Path:
    """The interpreter of .venv with everything in this file installed."""
    with one_at_a_time():
        make_venv()
        installed = json.loads(NOTE.read_text()) if NOTE.exists() else {}
        wanted = fingerprint(requirements)
        if installed.get(requirements) != wanted:
            install(requirements)
            NOTE.write_text(json.dumps(installed | {requirements: wanted}))
    return PYTHON


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(requirements: str) -> str:
    """Changes with the file, with a file that it includes, and with the Python."""
    text = (ROOT / requirements).read_text()
    for line in text.splitlines():
        if line.startswith("-r "):
            text += (ROOT / line[3:].strip()).read_text()
    version = subprocess.run([PYTHON, "--version"], capture_output=True, check=True).stdout
    return hashlib.sha256(text.encode() + version).hexdigest()


def make_venv() -> None:
    if works(PYTHON):
        return
    say("making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    done = run(sys.executable, "-m", "venv", str(VENV))
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        if "ensurepip" in done.stdout or "No module named venv" in done.stdout:
            stop(
                "this Python has no venv module."
                " Install it (Debian: apt-get install python3-venv) and start again."
            )
        stop(f"cannot make {VENV}: {last_line(done.stdout)}")


def works(python: Path) -> bool:
    """Also false for a .venv that was moved, or whose Python is gone."""
    return python.exists() and run(str(python), "-m", "pip", "--version").returncode == 0


def install(requirements: str) -> None:
    say(f"installing {requirements} (once; about a minute)")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = run(*pip, "-r", str(ROOT / requirements), PIP_NO_INPUT="1")
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
        stop(
            f"cannot install {requirements}: {last_line(chr(10).join(errors) or done.stdout)}"
            " Is the network there? Then start again."
        )


def ready_node() -> bool:
    """node_modules with exactly what package-lock.json names; False where npm is not here."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    with one_at_a_time():
        wanted = node_fingerprint()
        if not NODE_NOTE.exists() or json.loads(NODE_NOTE.read_text()) != wanted:
            install_node()
            NODE_NOTE.write_text(json.dumps(wanted))
    return True


def node_fingerprint() -> str:
    """Changes with the files that say what is installed, and with Node itself."""
    parts = [(ROOT / name).read_text() for name in NODE_FILES]
    return hashlib.sha256("".join([*parts, run("node", "--version").stdout]).encode()).hexdigest()


def install_node() -> None:
    say("installing package-lock.json (once; some seconds)")
    # From .npmrc: no package runs anything of its own while it is installed.
    done = run("npm", "ci", "--silent", cwd=ROOT)
    if done.returncode:
        stop(
            f"cannot install what package-lock.json names ({last_line(done.stdout)})."
            " Is the network there? Then start again."
        )


def run(
    *command: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | variables,
        check=False,
    )


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "(no word why)"
