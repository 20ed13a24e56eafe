"""Services on a disk of their own, which can be full: a file system in memory (Linux, as root).

Its size is set to what is used: the next byte has no room. It is mounted where only this program
and its children see it (`in_a_namespace`), and is gone with them, however they end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.services import Kafka, Postgres

SIZE = "12g"  # at most; only what is written takes memory
INSIDE = "CHAOS_MOUNTS"


def in_a_namespace() -> None:
    """Starts this program again where it may mount; goes on as it is where it may not."""
    unshare = shutil.which("unshare")
    if INSIDE in os.environ or not unshare or os.getuid() != 0:
        return
    prefix = [unshare, "--mount", "--propagation", "private", "--"]
    probe = [*prefix, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return
    os.environ[INSIDE] = "1"
    os.execv(unshare, [*prefix, sys.executable, *sys.orig_argv[1:]])


def may_be_full() -> bool:
    return INSIDE in os.environ


def mount(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs"]
    subprocess.run(["mount", *options, str(folder)], check=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def resize(folder: Path, size: str) -> None:
    options = ["-o", f"remount,size={size}", str(folder)]
    subprocess.run(["mount", *options], capture_output=True, check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """No room for what is written from now on."""
    _shrink(folder)
    try:
        yield
    finally:
        resize(folder, SIZE)


def _shrink(folder: Path) -> None:
    """Others write meanwhile: what was used a moment ago may be too little."""
    while True:
        found = os.statvfs(folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        try:
            return resize(folder, str(used))
        except subprocess.CalledProcessError:
            continue


class PostgresOnItsDisk(Postgres):
    @property
    def disk(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        if may_be_full():
            mount(self.disk)
            shutil.chown(self.disk, self.system_user() or os.getuid())
        super().prepare()

    def close(self) -> None:
        unmount_after(super().close, self.disk)


class KafkaOnItsDisk(Kafka):
    """What it tells clients as its address is `advertised`: a line that can be made bad."""

    advertised = 0

    @property
    def disk(self) -> Path:
        return self.folder / "data"

    def properties(self) -> dict[str, str | int]:
        address = f"PLAINTEXT://127.0.0.1:{self.advertised or self.port}"
        return super().properties() | {"advertised.listeners": address}

    def prepare(self) -> None:
        if may_be_full():
            mount(self.disk)
        super().prepare()

    def close(self) -> None:
        unmount_after(super().close, self.disk)


def unmount_after(close, disk: Path) -> None:
    """The folder goes, and its mount with it."""
    close()
    if may_be_full():
        unmount(disk)
        shutil.rmtree(disk.parent, ignore_errors=True)
