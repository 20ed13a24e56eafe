"""Downloads under way when the right to them ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient

from chat.http import downloads
from chat.http.pages import attachments
from chat.models import Chat, User
from chat.reads import export, pieces
from chat.services.attachments import store_upload
from tests.integration.chat.conftest import in_thread
from tests.support.people import ban, make_group, make_people, post_text, remove, session_key
from tests.support.people import post as post_now

pytestmark = pytest.mark.django_db(transaction=True)

CHUNK = 1000


class Download:
    """Ann's chat, in which bob has what he downloads."""

    def __init__(self) -> None:
        self.ann, self.bob = make_people("ann", "bob")
        self.chat: Chat = make_group(self.ann, self.bob)
        for _ in range(3):
            post_text(self.chat, self.bob, "my words")
        upload = SimpleUploadedFile("notes.txt", b"w" * CHUNK * 3)
        self.file = store_upload(uploader=self.ann, chat_id=self.chat.pk, file=upload)
        post_now(self.chat, self.ann, "look", attachment_ids=(self.file.pk,))

    def pieces(self, method: str, path: str, meanwhile: Callable[[Download], object]) -> list[Any]:
        """All of them; after the first something happens."""
        key = session_key(self.bob)

        async def read() -> list[Any]:
            client = AsyncClient()
            client.cookies["sessionid"] = key
            answer: Any = await getattr(client, method)(path)
            assert answer.status_code == 200
            found: list[Any] = []
            async for piece in answer:
                if not found:
                    await in_thread(meanwhile, self)
                found.append(piece)
            answer.close()
            return found

        return async_to_sync(read)()


@pytest.fixture
def download(settings, tmp_path, monkeypatch) -> Download:
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(downloads, "LOOK_SECONDS", 0)
    monkeypatch.setattr(attachments, "CHUNK_BYTES", CHUNK)
    monkeypatch.setattr(export, "PAGE", 1)
    monkeypatch.setattr(pieces, "PIECE_LENGTH", 1)
    return Download()


def sign_out(download: Download) -> None:
    Session.objects.all().delete()


ENDS = {
    "signed out": sign_out,
    "banned": lambda download: ban(User.objects.get(pk=download.bob.pk)),
}
by_session = pytest.mark.parametrize("meanwhile", ENDS.values(), ids=ENDS)
EXPORT = "/profile/export/jsonl"


class TestExport:
    def test_goes_on_to_its_end(self, download):
        assert b"".join(download.pieces("post", EXPORT, lambda _: None)).count(b"my words") == 3

    @by_session
    def test_stops_with_the_sign_in_and_says_that_it_is_not_all(self, download, meanwhile):
        text = b"".join(download.pieces("post", EXPORT, meanwhile)).decode()
        assert text.count("my words") == 1
        assert text.endswith("\nYou were signed out in the meantime: this is not everything.\n")


class TestAttachment:
    def test_goes_on_to_its_end(self, download):
        path = f"/attachments/{download.file.pk}"
        assert len(b"".join(download.pieces("get", path, lambda _: None))) == 3 * CHUNK

    @pytest.mark.parametrize(
        "meanwhile",
        [*ENDS.values(), lambda download: remove(download.chat, download.bob)],
        ids=[*ENDS, "removed"],
    )
    def test_is_cut_off_short_of_its_length(self, download, meanwhile):
        path = f"/attachments/{download.file.pk}"
        assert len(b"".join(download.pieces("get", path, meanwhile))) == CHUNK
