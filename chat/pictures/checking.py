"""Uploaded pictures, each redrawn in a process of its own: what is served was written by us.

What a file is, its content decides; name and claimed type do not count. Knows nothing of chats, and
never unfolds anything in this process.
"""

from __future__ import annotations

import errno
import logging
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, Final

from django.utils.translation import gettext as _

from chat.errors import ChatError, TooLargeError, UnavailableError
from chat.pictures.process import COME_BACK_SECONDS, Drawings
from chat.pictures.seats import Seats

logger = logging.getLogger(__name__)

# By these bytes Pillow knows the formats that we read.
SIGNATURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
SIGNATURE_BYTES: Final = 16

_seats, _drawings = Seats(), Drawings()


@dataclass(frozen=True, slots=True)
class Picture:
    """Its files are gone once they are closed."""

    content: IO[bytes]
    content_type: str
    # With its dot.
    extension: str
    width: int
    height: int
    # A smaller, unmoving one; None where the picture itself is small and unmoving.
    preview: IO[bytes] | None

    def __enter__(self) -> Picture:
        return self

    def __exit__(self, *failure: object) -> None:
        self.content.close()
        if self.preview is not None:
            self.preview.close()


def may_be_picture(file: IO[bytes]) -> bool:
    """By its first bytes: what is none waits for no seat."""
    file.seek(0)
    start = file.read(SIGNATURE_BYTES)
    file.seek(0)
    return start.startswith(SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def redraw(file: IO[bytes], *, person_id: int) -> Picture | None:
    """The picture in a file: upright, in sRGB, without metadata. None: it is no whole picture.

    Raises TooLargeError for one that would take too much, TooManyError while the person's own or
    others take all the time that there is for pictures, UnavailableError where there is no room for
    it, BadRequestError for one that breaks whoever reads it. Close it by `with`.
    """
    if not may_be_picture(file):
        return None
    with _seats.taken_by(person_id):
        return _drawn(file)


def close() -> None:
    """The server is stopping: nothing is begun any more, and what runs ends now."""
    _seats.close()
    _drawings.close()


def _drawn(file: IO[bytes]) -> Picture | None:
    try:
        with ExitStack() as opened:
            files = [opened.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            picture = _drawn_into(file, *files)
            if picture is not None:
                opened.pop_all()
                files[0].close()
            return picture
    except OSError as error:
        logger.warning("no room for a picture", extra={"error": repr(error)})
        raise no_room() from None


def _drawn_into(
    file: IO[bytes], copy: IO[bytes], content: IO[bytes], preview: IO[bytes]
) -> Picture | None:
    # On the disk, where another process can read it.
    shutil.copyfileobj(file, copy)
    copy.seek(0)
    told = _drawings.run(copy, content, preview)
    if told["outcome"] == "drawn":
        return _picture(told, content, preview)
    if told["outcome"] == "no_picture":
        return None
    raise _refusal(told)


def _refusal(told: dict[str, Any]) -> ChatError:
    if told["outcome"] == "too_many_pixels":
        return TooLargeError.of_pixels(told["most"])
    if told["outcome"] == "too_many_frames":
        return TooLargeError.of_frames(told["most"])
    return no_room() if told["outcome"] == "no_room" else TooLargeError.to_draw()


def is_for_want_of_room(error: OSError) -> bool:
    """The disk is full, or what this person or process may have of it."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def no_room() -> UnavailableError:
    detail = _("There is no room for files just now. Try again later.")
    return UnavailableError(detail, retry_after=COME_BACK_SECONDS)


def _picture(told: dict[str, Any], content: IO[bytes], preview: IO[bytes]) -> Picture:
    content.seek(0)
    preview.seek(0)
    if not told["has_preview"]:
        preview.close()
    return Picture(
        content=content,
        content_type=told["content_type"],
        extension=told["extension"],
        width=told["width"],
        height=told["height"],
        preview=preview if told["has_preview"] else None,
    )
