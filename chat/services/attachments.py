"""Accepts uploads, attaches them to the message that shows them, and removes them with their files.

An upload is a row and one or two files. The row is the truth: files are written before it, and
deleted after it has been deleted for good.
"""

from __future__ import annotations

import logging
import mimetypes
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, Final

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from chat.database.threads import let_go_of_database
from chat.errors import EmptyTextError, NotFoundError, TooLargeError
from chat.limits.kept import check_room
from chat.limits.table import STORED_MEGABYTES, UNSENT_UPLOADS
from chat.models import Attachment, User
from chat.models.attachments import FILE_NAME_LENGTH
from chat.pictures.checking import Picture, no_room, redraw
from chat.services.access import membership_of
from chat.services.chats.direct_chats import check_may_write

logger = logging.getLogger(__name__)

BYTES_PER_MEGABYTE: Final = 1_000_000
SUFFIX_LENGTH: Final = 16
# A file's name says what the reader's computer may open it with; everything else is only bytes.
# None of these is anything that a browser runs, and all of them are downloaded, never shown.
SAFE_TYPES: Final = frozenset(
    {"application/pdf", "application/zip", "text/plain", "text/csv", "audio/mpeg", "video/mp4"}
)
UNKNOWN_TYPE: Final = "application/octet-stream"
# They reverse the text after them, so that a program's name looks like a picture's.
_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def max_bytes() -> int:
    return int(settings.UPLOAD_MAX_MEGABYTES * BYTES_PER_MEGABYTE)


def store_upload(*, uploader: User, chat_id: int, file: UploadedFile[Any]) -> Attachment:
    """Keeps a file for a message that its uploader will send to this chat.

    Raises NotFoundError, ForbiddenError (nothing may be written there), TooLargeError (also when
    the person's storage is used up), EmptyTextError (no bytes), ConflictError (too many waiting to
    be sent), UnavailableError (the disk is full), and for pictures what `redraw` raises.
    """
    check_may_write(membership_of(uploader, chat_id).chat, uploader.pk)
    size = _checked_size(file)
    _check_room(uploader, size)
    name = clean_file_name(file.name or "")
    attachment = Attachment(uploader=uploader, chat_id=chat_id)
    assert file.file is not None
    let_go_of_database()
    picture = redraw(file.file, person_id=uploader.pk)
    if picture is None:
        file.seek(0)
        attachment.kind = Attachment.Kind.FILE
        attachment.name, attachment.content_type, attachment.size = name, safe_type(name), size
        _save_with_files(attachment, file)
    else:
        with picture:
            _describe(attachment, picture, name)
            _save_with_files(attachment, picture.content, picture.preview)
    return attachment


def _checked_size(file: UploadedFile[Any]) -> int:
    size = file.size or 0
    if size > max_bytes():
        raise TooLargeError.of_megabytes(settings.UPLOAD_MAX_MEGABYTES)
    if not size:
        raise EmptyTextError(_("This file is empty. Choose another one."))
    return size


def _check_room(uploader: User, size: int) -> None:
    """Raises ConflictError, and TooLargeError when the person's storage is used up."""
    check_room(UNSENT_UPLOADS, Attachment.objects.unsent_by(uploader).count())
    most = STORED_MEGABYTES.amount
    kept = Attachment.objects.bytes_of(uploader) if most else 0
    if most and kept + size > most * BYTES_PER_MEGABYTE:
        raise TooLargeError.of_quota(round(kept / BYTES_PER_MEGABYTE), most)


def discard_upload(*, uploader: User, attachment_id: uuid.UUID) -> None:
    """Removes an upload that its owner has not sent. Raises NotFoundError."""
    own = Attachment.objects.unsent_by(uploader).filter(pk=attachment_id)
    if not delete_attachments(own):
        raise NotFoundError


@transaction.atomic
def delete_attachments(attachments: QuerySet[Attachment]) -> int:
    """Removes rows, and on commit their files; returns how many. Idempotent."""
    rows = list(attachments.select_for_update())
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    names = [file.name for row in rows for file in (row.file, row.preview) if file.name]
    transaction.on_commit(partial(remove_files, names), robust=True)
    return len(rows)


def stray_files(before: datetime) -> Iterator[list[str]]:
    """Files older than `before` that no row names, a folder at a time: left behind by a process
    that was killed between a row and its files."""
    for folder in _folders():
        names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        named: set[str] = set()
        for field in ("file", "preview"):
            rows = Attachment.objects.filter(**{f"{field}__startswith": f"{folder}/"})
            named.update(rows.values_list(field, flat=True))
        stray = [name for name in names if name not in named]
        yield [name for name in stray if default_storage.get_modified_time(name) < before]


def remove_files(names: Iterable[str]) -> None:
    for name in names:
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning(
                "a file could not be removed", extra={"file": name, "error": repr(error)}
            )


def _folders() -> Iterator[str]:
    """As Attachment's fields have them: by year and month."""
    for root in ("attachments", "previews"):
        for year in _subfolders(root):
            yield from _subfolders(year)


def _subfolders(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in sorted(default_storage.listdir(folder)[0])]
    except FileNotFoundError:
        return []


def clean_file_name(given: str) -> str:
    """A name as a person reads it: one line without folders and without what hides its end."""
    name = re.split(r"[/\\]", given)[-1]
    name = _TURNS.sub("", unicodedata.normalize("NFC", name.encode(errors="ignore").decode()))
    name = " ".join(name.split())
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cn"})
    name = name.strip(". ") or _("file")
    suffix = PurePosixPath(name).suffix
    if len(suffix) > SUFFIX_LENGTH:
        suffix = ""
    return name.removesuffix(suffix)[: FILE_NAME_LENGTH - len(suffix)] + suffix


def safe_type(name: str) -> str:
    guessed, encoding = mimetypes.guess_type(name, strict=True)
    return guessed if guessed in SAFE_TYPES and not encoding else UNKNOWN_TYPE


def _describe(attachment: Attachment, picture: Picture, name: str) -> None:
    """The picture after redrawing; the extension of its name says what it is now."""
    attachment.kind = Attachment.Kind.IMAGE
    stem = name.removesuffix(PurePosixPath(name).suffix) or name
    attachment.name = stem[: FILE_NAME_LENGTH - len(picture.extension)] + picture.extension
    attachment.content_type = picture.content_type
    attachment.size = picture.content.seek(0, 2)
    attachment.width, attachment.height = picture.width, picture.height
    picture.content.seek(0)


def _save_with_files(
    attachment: Attachment, content: IO[bytes], preview: IO[bytes] | None = None
) -> None:
    """On disk files are named by our own number, so that people's file names do no harm."""
    written: list[str] = []
    try:
        for field, file in (("file", content), ("preview", preview)):
            if file is not None:
                _write(attachment, field, file, written)
        _insert(attachment)
    except OSError as error:
        remove_files(written)
        logger.warning("no room for a file", extra={"error": repr(error)})
        raise no_room() from None
    except BaseException:
        remove_files(written)
        raise


def _write(attachment: Attachment, field: str, file: IO[bytes], written: list[str]) -> None:
    upload = getattr(attachment, field)
    name = upload.field.generate_filename(attachment, uuid.uuid4().hex)
    # Before the file is complete: if the disk fills up, part of it may be there.
    written.append(name)
    setattr(attachment, field, upload.storage.save(name, File(file)))


@transaction.atomic
def _insert(attachment: Attachment) -> None:
    """The picture after redrawing; its name's extension says what it is now."""
    User.objects.select_for_update(no_key=True).get(pk=attachment.uploader_id)
    chat = membership_of(attachment.uploader, attachment.chat_id).chat
    check_may_write(chat, attachment.uploader_id)
    _check_room(attachment.uploader, attachment.size)
    attachment.save(force_insert=True)
