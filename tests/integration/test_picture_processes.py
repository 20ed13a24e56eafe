"""Pictures in a real server: drawn beside it, and gone with it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from tests.support.pictures import plain
from tests.support.servers import ROOT, Server, environment
from tests.support.services import wait_until

pytestmark = pytest.mark.embedded

BOUNDARY = "between-the-parts"
TOKEN = "t" * 32


def drawing_below(pid: int) -> list[str]:
    """The processes that draw pictures for this server."""
    listed = subprocess.run(
        ["ps", "-eo", "ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(maxsplit=1) for line in listed.splitlines()]
    program = "chat.pictures.drawing_process"
    return [row[1] for row in rows if row[0] == str(pid) and program in row[1]]


def someone_in_a_chat(database_url: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "bench/sessions.py", "--rooms=1", "--size=1", "--url=ws://x/"],
        cwd=ROOT,
        env=environment(database_url),
        capture_output=True,
        check=True,
    )
    person: dict[str, str] = json.loads(done.stdout)[0][0]
    return person


def upload(server: Server, person: dict[str, str], content: bytes) -> int:
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n"
        "Content-Type: image/png\r\n\r\n"
    )
    request = urllib.request.Request(
        f"{server.url}/api/chats/{person['chat']}/attachments",
        data=head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode(),
        headers={
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Cookie": f"{person['cookie']}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
        },
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return int(answer.status)


class TestPicture:
    def test_is_drawn_beside_the_server_and_ends_with_it(self, migrated_sqlite_url, tmp_path):
        person = someone_in_a_chat(migrated_sqlite_url)
        with Server(migrated_sqlite_url, MEDIA_ROOT=str(tmp_path / "media")) as server:
            assert upload(server, person, plain("PNG", (900, 450))) == 201
            assert drawing_below(server.process.pid) == []

            def upload_large() -> None:
                with suppress(OSError, urllib.error.HTTPError):
                    upload(server, person, plain("PNG", (6_000, 6_000)))

            uploading = threading.Thread(target=upload_large)
            uploading.start()
            wait_until(lambda: bool(drawing_below(server.process.pid)), seconds=30)
            server.terminate()
            server.exit_code(seconds=60)
            assert drawing_below(server.process.pid) == []
            uploading.join(60)
            wait_until(lambda: drawing_below(1) == [], seconds=10)
