"""A disk that is full while a request comes in: it is refused, and taken when there is room."""

from __future__ import annotations

import errno
import gc
import json
import resource
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from chat.models import Attachment
from tests.support.people import browser_of, make_group, make_person
from tests.support.raw_http import Raw
from tests.support.servers import Server
from webchat.bodies import Handler

pytestmark = pytest.mark.embedded

LARGE = 8_000_000
# Room for the server's own database and log.
ROOM = 4_000_000


def full(*given: Any, **named: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def leftovers():
    """Django leaves a file that it could not write to the garbage collector, which complains."""
    yield
    gc.collect()


@pytest.mark.usefixtures("leftovers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestABodyWithoutRoom:
    def test_is_refused_and_taken_when_there_is_room_again(self, tmp_path: Path, new_sqlite_url):
        with Server(new_sqlite_url(tmp_path)) as server:
            request = (
                f"POST /api/chats/1/attachments HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {LARGE}\r\n\r\n"
            )
            _soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (ROOM, hard))
            with Raw(server.port) as peer:
                peer.send(request.encode() + bytes(ROOM + 100_000))
                assert peer.closed()
                assert (peer.status, peer.error["code"]) == (503, "unavailable")
            assert server.status_of("/livez") == 200
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            with Raw(server.port) as peer:
                peer.send(request.encode() + bytes(LARGE))
                while b"\r\n\r\n" not in peer.received:
                    peer.read()
                assert peer.status == 400  # all of it came in, and is no form
            assert "Traceback" not in server.log.read_text()

    async def test_is_refused_by_whoever_spools_it(self, monkeypatch):
        monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
        handler, sent = Handler(), []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"x", "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/api/me", "headers": []}
        await handler(scope, receive, send)
        assert sent[0]["status"] == 503
        assert json.loads(sent[1]["body"])["error"]["code"] == "unavailable"

    @pytest.mark.django_db
    @pytest.mark.parametrize("checks_token", [False, True], ids=["by the view", "before the view"])
    def test_is_refused_where_its_file_is_spooled(self, monkeypatch, settings, checks_token):
        settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
        monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", full)
        ann = make_person("ann")
        chat = make_group(ann)
        browser = browser_of(ann, enforce_csrf_checks=checks_token, raise_request_exception=False)
        browser.get("/profile")
        answer = browser.post(
            f"/api/chats/{chat.pk}/attachments",
            {"file": SimpleUploadedFile("a.txt", b"x" * 100)},
            headers={"x-csrftoken": browser.cookies["csrftoken"].value},
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert "no room" in answer.json()["error"]["detail"]
        assert int(answer["Retry-After"]) > 0
        assert not Attachment.objects.exists()
