"""Ends a service when the test run that owns it is gone, however that run ended.

Started by processes.py beside every service as a program of its own (its own session: Ctrl+C
does not reach it). It must not import the project.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_SECONDS = 5
PROC = Path("/proc")


def facts(pid: int) -> list[str]:
    """What Linux says of a process, from its state on; raises OSError when it is gone."""
    return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """The process and all that came from it, parents first (Linux; elsewhere the process alone)."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(facts(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


def is_alive(pid: int) -> bool:
    """A zombie is not alive: nobody may be left to collect it."""
    try:
        if PROC.exists():
            return facts(pid)[0] != "Z"
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end(pid: int) -> None:
    members = family(pid)
    send(members, signal.SIGCONT)
    send([pid], signal.SIGINT)
    give_up_at = time.monotonic() + GRACE_SECONDS
    while is_alive(pid) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    send(family(pid) + [member for member in members if is_alive(member)], signal.SIGKILL)


def wait_for_either(owner: int, service: int) -> None:
    try:
        handles = [os.pidfd_open(owner), os.pidfd_open(service)]
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        while is_alive(owner) and is_alive(service):
            time.sleep(0.5)
        return
    select.select(handles, [], [])


def main(owner: int, service: int, folder: str, after: list[str]) -> None:
    wait_for_either(owner, service)
    if is_alive(owner):
        return
    if is_alive(service):
        end(service)
    if after:
        subprocess.run(after, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # who started it need not collect it
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
