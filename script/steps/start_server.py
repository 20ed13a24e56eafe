"""script/server, first half: arguments, port, .venv; then hands over to run_server.py in .venv."""

from __future__ import annotations

import argparse
import os
import socket

from environment import ROOT, ready_python, stop

DEFAULT_PORT = 8000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Installs what running needs, then starts the chat: SQLite under var/, one"
        " process, demo people. DATABASE_URL, REDIS_URL and KAFKA_BROKERS change that.",
    )
    parser.add_argument(
        "--port", default=os.environ.get("PORT") or DEFAULT_PORT, help="8000, or $PORT"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="set up, start on a free port, send and receive one message, say what was seen, end",
    )
    return parser.parse_args()


def checked_port(value: str | int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        stop(f"the port must be a number from 1 to 65535, not {text!r}.")
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            stop(f"port {port} needs more rights. Take one above 1023: script/server --port 8000")
        except OSError:
            stop(f"port {port} is busy. Take another: script/server --port {port % 65_535 + 1}")
    return port


def main() -> None:
    given = arguments()
    what = "check" if given.check else str(checked_port(given.port))
    python = str(ready_python("requirements.txt"))
    os.chdir(ROOT)
    os.execv(python, [python, "script/steps/run_server.py", what])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
