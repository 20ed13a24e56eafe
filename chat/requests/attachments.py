"""Files that are to be sent with a message."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile

from chat.limits.doors import under
from chat.limits.table import CHANGES, UPLOADS
from chat.models import User
from chat.services.attachments import discard_upload, store_upload
from chat.wire.fields import Fields
from chat.wire.payloads import Made, attachment_payload


@under(UPLOADS)
def upload(user: User, fields: Fields, file: UploadedFile[Any]) -> Made:
    stored = store_upload(uploader=user, chat_id=fields.id("chat_id"), file=file)
    return Made({"attachment": attachment_payload(stored)})


@under(CHANGES)
def remove_upload(user: User, fields: Fields) -> None:
    discard_upload(uploader=user, attachment_id=fields.uuid("attachment_id"))
