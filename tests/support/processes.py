"""A program that a test run owns: started, stopped, killed, frozen and started again.

Data and port stay the same over all of that, until `close()`. Nothing outlives the run: a watchdog
ends the program when its owner is gone. Knows nothing of the services themselves.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import containers, watchdog
from tests.support.containers import Container

# Below the ports that the kernel gives to outgoing connections: a client that tries again and again
# while the service is away could otherwise be given the service's own port.
PORTS = range(15_000, 32_000)


def patience() -> float:
    """By what deadlines are multiplied, which are those of a quiet machine of two cores.

    A deadline ends a wait that nothing would end; it judges no speed (that is what bench/ is for).
    A shared machine may be frozen for a second at a time, hence 4, and where many wait for each
    core all takes as many times longer. TEST_PATIENCE takes another number.
    """
    if given := os.environ.get("TEST_PATIENCE"):
        return float(given)
    waiting_for_a_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    return 4.0 * min(max(waiting_for_a_core, 1.0), 10.0)


PATIENCE = patience()
# Of whatever else a test waits for, in seconds.
DEADLINE = 30 * PATIENCE


class ServiceMissing(RuntimeError):
    """Raised when a program is not on this machine; says what Debian's packages for it are."""

    def __init__(self, what: str, *packages: str) -> None:
        self.packages = packages
        super().__init__(f"{what} Debian: apt-get install {' '.join(packages)}")


class ServiceFailed(RuntimeError):
    """Raised when a service did not start or stop in its time; carries the end of its log."""


def free_port() -> int:
    """Free now, and given to nobody else on this machine for a good while."""
    for _ in PORTS:
        port = _next_port()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise ServiceFailed("No free port between 15000 and 32000 on 127.0.0.1.")


def _next_port() -> int:
    """One after the other, over all runs of this user: whoever is given one binds it later, and two
    that draw lots sometimes draw the same.
    """
    note = Path(tempfile.gettempdir()) / f"webchat-tests-port-{os.getuid()}"
    with note.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = int(file.read() or random.choice(PORTS))
        port = last + 1 if last + 1 in PORTS else PORTS[0]
        file.truncate(0)
        file.write(str(port))
    return port


def wait_until(
    condition: Callable[[], bool], *, seconds: float, every: float = 0.05, what: str = ""
) -> None:
    """Raises TimeoutError when the condition does not hold within the time, times `PATIENCE`."""
    seconds *= PATIENCE
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"Not within {seconds:g} s: {what or condition}")
        time.sleep(every)


def answers(port: int, ask: bytes, expect: bytes, *, seconds: float = 2.0) -> bool:
    """Whether a peer on this port answers the question with these bytes in front."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
            peer.sendall(ask)
            return peer.recv(64).startswith(expect)
    except OSError:
        return False


class Process:
    """One program with its folder, port and log. `with` starts it and closes it."""

    name = "process"
    start_seconds = 30.0
    stop_seconds = 20.0
    stop_signal = signal.SIGTERM

    def __init__(self, *, owner: int | None = None) -> None:
        self.owner = owner or os.getpid()
        self._maker = os.getpid()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"webchat-{self.name}-"))
        self.log = self.folder / f"{self.name}.log"
        self.pid: int | None = None
        self.container: Container | None = None  # instead of a program of this machine
        self._popen: subprocess.Popen[bytes] | None = None
        if self.owner == os.getpid():
            atexit.register(self.close)

    # What a service says of itself.

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def prepare(self) -> None:
        """Called once, before the first start."""

    def is_ready(self) -> bool:
        raise NotImplementedError

    def system_user(self) -> str | None:
        """The user to run as, where it must not be the one who runs the tests."""
        return None

    def use_container_or_raise(self, lack: ServiceMissing, container: Container) -> None:
        """For a service that found no program: its image, where there is a Docker."""
        if not containers.docker_answers():
            self.close()
            raise lack
        self.container = container
        self.start_seconds = containers.START_SECONDS

    # What a test does with it.

    def start(self) -> Self:
        if self.is_running():
            return self
        prepared = self.folder / ".prepared"
        if not prepared.exists() and not self.container:
            if user := self.system_user():
                account = pwd.getpwnam(user)
                os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.prepare()
            prepared.touch()
        self._launch()
        try:
            wait_until(self._ready_or_dead, seconds=self.start_seconds, what=f"{self.name} is up")
        except TimeoutError as error:
            self.kill()
            raise ServiceFailed(f"{error}\n{self.log_end()}") from error
        if not self.is_running():
            raise ServiceFailed(f"{self.name} ended at its start:\n{self.log_end()}")
        return self

    def stop(self) -> None:
        """Ends it as an operator would; data stays."""
        if self.pid is None:
            return
        self.thaw()
        if self.container:
            self.container.tell("stop")
        else:
            watchdog.send([self.pid], self.stop_signal)
        try:
            wait_until(self._is_gone, seconds=self.stop_seconds, what=f"{self.name} has stopped")
        except TimeoutError as error:
            self.kill()
            raise ServiceFailed(f"{error}\n{self.log_end()}") from error
        self.pid = None

    def kill(self) -> None:
        """Ends it and all its children at once, as a power cut would (SIGKILL)."""
        if self.pid is None:
            return
        members = watchdog.family(self.pid)
        if self.container:
            self.thaw()
            self.container.tell("kill")
        watchdog.send(members, signal.SIGKILL)
        wait_until(
            lambda: self._is_gone() and not any(map(watchdog.is_alive, members)),
            seconds=self.stop_seconds,
            what=f"{self.name} is dead",
        )
        self.pid = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing (SIGSTOP)."""
        if self.container:
            self.container.tell("pause")
        elif self.pid is not None:
            watchdog.send(watchdog.family(self.pid), signal.SIGSTOP)
            # What was born in between.
            watchdog.send(watchdog.family(self.pid), signal.SIGSTOP)

    def thaw(self) -> None:
        if self.container:
            self.container.tell("unpause")
        elif self.pid is not None:
            watchdog.send(watchdog.family(self.pid), signal.SIGCONT)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def close(self) -> None:
        """Ends it for good: the data goes too. Harmless when done twice."""
        if self._maker != os.getpid():  # a forked child leaves its parent's services alone
            return
        with contextlib.suppress(ServiceFailed):
            self.stop()
        if self.container:
            subprocess.run(self.container.removal, capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def is_running(self) -> bool:
        return self.pid is not None and not self._is_gone()

    def log_end(self, lines: int = 30) -> str:
        if not self.log.exists():
            return f"({self.name} wrote no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Within.

    def run_once(self, command: Sequence[str | Path], *, seconds: float = 60) -> str:
        """A tool of the service, as the service's user; raises ServiceFailed with its words."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            user=self.system_user(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds * PATIENCE,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}")
        return done.stdout

    def _launch(self) -> None:
        command = self.container.command() if self.container else self.command()
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.folder,
                env=self.environment(),
                user=None if self.container else self.system_user(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl+C goes to the tests; they end it in their own order
            )
        self.pid = self._popen.pid
        self._watch(self.pid)

    def _watch(self, pid: int) -> None:
        subprocess.run(  # returns at once: it goes on in the background
            [
                *(sys.executable, "-I", "-S", watchdog.__file__),
                *(str(self.owner), str(pid), str(self.folder)),
                *(self.container.removal if self.container else ()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )

    def _ready_or_dead(self) -> bool:
        return self._is_gone() or self.is_ready()

    def _is_gone(self) -> bool:
        if self._popen is not None and self._popen.pid == self.pid:
            return self._popen.poll() is not None
        return self.pid is None or not watchdog.is_alive(self.pid)
