"""script/server, second half, in .venv: database, demo people, then Daphne (or one check of it)."""

from __future__ import annotations

import contextlib
import io
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from environment import ROOT, say, stop

# It ends a wait that nothing would end; a server that has died is noticed at once.
START_SECONDS = 120


def set_up() -> None:
    """The same for a start and for a check; quick and silent where it was done before."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "webchat.settings"
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import DatabaseError, connection

    try:
        django.setup()
        call_command("check", stdout=io.StringIO())  # says only what is wrong
        call_command("migrate", verbosity=0)
        call_command("seed_demo")
    except ImproperlyConfigured as error:
        stop(str(error))
    except CommandError as error:
        stop(str(error).strip(), error.returncode)
    except DatabaseError as error:
        stop(f"the database does not work: {str(error).strip().splitlines()[0]}")
    connection.close()


def daphne(port: int) -> list[str]:
    program = [sys.executable, "-m", "daphne", "-v", "0"]
    return [*program, "-b", "127.0.0.1", "-p", str(port), "webchat.asgi:application"]


def is_alive(port: int) -> bool:
    """Whether it answers; what it answers is the check's business."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def announce(port: int) -> None:
    """Leaves a process behind that says where the chat is as soon as it answers, and ends."""
    server = os.getpid()
    if os.fork():
        os.wait()
        return
    if os.fork():
        os._exit(0)
    give_up_at = time.monotonic() + START_SECONDS
    with contextlib.suppress(ProcessLookupError, KeyboardInterrupt):
        while time.monotonic() < give_up_at:
            os.kill(server, 0)
            if is_alive(port):
                say(f"the chat is at http://127.0.0.1:{port}  (Ctrl+C ends it)")
                break
            time.sleep(0.1)
    os._exit(0)


def free_port() -> int:
    """Below those that connections are given at any time, also until the server has bound it."""
    while True:
        port = random.randrange(15_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running() -> Iterator[int]:
    """The server on a free port, for a check."""
    port = free_port()
    server = subprocess.Popen(daphne(port), cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        give_up_at = time.monotonic() + START_SECONDS
        while not is_alive(port):
            if server.poll() is not None or time.monotonic() > give_up_at:
                stop("the server did not start; its own words are above.")
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def check() -> None:
    from check_server import CheckFailed, send_and_receive

    with running() as port:
        say(f"the server answers at http://127.0.0.1:{port}")
        try:
            for seen in send_and_receive(port):
                say(seen)
        except (CheckFailed, OSError) as error:
            stop(f"the check failed: {error}")
    say("all is well")


def main(what: str) -> None:
    os.chdir(ROOT)
    # For a person at a terminal, unless they want it otherwise.
    os.environ.setdefault("LOG_FORMAT", "text")
    os.environ.setdefault("LOG_LEVEL", "WARNING" if what == "check" else "INFO")
    set_up()
    if what == "check":
        check()
        return
    announce(int(what))
    command = daphne(int(what))
    os.execv(command[0], command)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
