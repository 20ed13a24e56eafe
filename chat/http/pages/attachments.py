"""Hands out uploads to those who may see them, so that nothing in them can run on our origin.

Pictures were redrawn and may be shown; every other file is only saved. What stands under an
address never changes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.files import File
from django.db.models.fields.files import FieldFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from chat.http.downloads import is_still_signed_in, while_allowed
from chat.models import Attachment, User

logger = logging.getLogger(__name__)

CHUNK_BYTES: Final = 64 * 1024
PREVIEW_TYPE: Final = "image/webp"
HEADERS: Final = {
    # A day: whoever may no longer see it keeps what was seen for no longer.
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
}
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class FilePart:
    """Some bytes of a file, in chunks."""

    def __init__(self, file: File[bytes], *, first: int, length: int) -> None:
        self._file, self._left = file, length
        self.length = length
        file.seek(first)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def read(self) -> bytes:
        chunk: bytes = self._file.read(min(CHUNK_BYTES, self._left))
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


class PartResponse(StreamingHttpResponse):
    """Reads as it sends; Django's own response would read all before it sends the first byte.

    Is cut off, short of its length, when `is_allowed` says no.
    """

    def __init__(self, part: FilePart, is_allowed: Callable[[], bool], **options: Any) -> None:
        super().__init__(part, **options)
        self._part, self._is_allowed = part, is_allowed
        self["Content-Length"] = str(part.length)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return while_allowed(self._chunks(), self._is_allowed, ending=b"")

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await sync_to_async(self._part.read, thread_sensitive=False)():
            yield chunk


@require_safe
def download(request: HttpRequest, attachment_id: UUID) -> HttpResponseBase:
    return _hand_out(request, attachment_id, is_preview=False)


@require_safe
def preview(request: HttpRequest, attachment_id: UUID) -> HttpResponseBase:
    return _hand_out(request, attachment_id, is_preview=True)


def _hand_out(request: HttpRequest, attachment_id: UUID, *, is_preview: bool) -> HttpResponseBase:
    attachment = _visible(request, attachment_id)
    file = attachment.preview if is_preview else attachment.file
    etag = f'"{attachment.pk}{"-preview" if is_preview else ""}"'
    unchanged = get_conditional_response(request, etag=etag)
    is_allowed = partial(_is_still_visible, request, attachment_id)
    response = unchanged or _part_of(request, file, etag, is_allowed)
    if response.status_code in {200, 206}:
        response["Content-Type"] = PREVIEW_TYPE if is_preview else attachment.content_type
        is_saved = attachment.kind != Attachment.Kind.IMAGE
        disposition = content_disposition_header(is_saved, attachment.name)
        response["Content-Disposition"] = disposition or "inline"
    response["ETag"] = etag
    for name, value in HEADERS.items():
        response[name] = value
    return response


def _visible(request: HttpRequest, attachment_id: UUID) -> Attachment:
    """Raises Http404: it is not there, or not for them, and nobody learns which."""
    if not isinstance(request.user, User):
        raise Http404
    attachment = Attachment.objects.visible_to(request.user).filter(pk=attachment_id).first()
    if attachment is None:
        raise Http404
    return attachment


def _is_still_visible(request: HttpRequest, attachment_id: UUID) -> bool:
    try:
        _visible(request, attachment_id)
    except Http404:
        return False
    return is_still_signed_in(request)


def _part_of(
    request: HttpRequest, file: FieldFile, etag: str, is_allowed: Callable[[], bool]
) -> HttpResponseBase:
    """All of it, or the range that is asked for. Raises Http404."""
    try:
        opened = file.storage.open(file.name or "")
    except (FileNotFoundError, IsADirectoryError):
        if file:
            logger.error("an attachment's file is missing", extra={"file": file.name})
        raise Http404 from None
    size = opened.size
    asked = _asked_range(request, etag)
    if asked is None:
        return PartResponse(FilePart(opened, first=0, length=size), is_allowed)
    first, last = _ends(asked, size)
    if first > last:
        opened.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    part = FilePart(opened, first=first, length=last - first + 1)
    content_range = f"bytes {first}-{last}/{size}"
    return PartResponse(part, is_allowed, status=206, headers={"Content-Range": content_range})


def _asked_range(request: HttpRequest, etag: str) -> tuple[str, str] | None:
    """One range; several at once, or something else, may be answered with all of it."""
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    is_same = request.headers.get("If-Range", etag) == etag
    if not found or not is_same or found.groups() == ("", ""):
        return None
    return found[1], found[2]


def _ends(asked: tuple[str, str], size: int) -> tuple[int, int]:
    """The first and the last byte; first > last: there are none such."""
    first, last = asked
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
