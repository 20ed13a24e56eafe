"""What a person wrote, as a file: JSON Lines or CSV, chat by chat, in seq order.

Read page by page, so that it takes no more memory for 100,000 messages than for a hundred, and
holds no transaction open while somebody's slow line takes it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import orjson
from asgiref.sync import sync_to_async

from chat.csv_cells import BYTE_ORDER_MARK, text_cell
from chat.models import Chat, Membership, Message, User
from chat.payloads import Payload, timestamp

PAGE: Final = 500
CSV_COLUMNS: Final = (
    "chat_id",
    "chat",
    "seq",
    "created_at",
    "edited_at",
    "state",
    "content",
    "reply_to_seq",
)
Write = Callable[[list[Payload]], str]


async def export_lines(user: User, *, as_csv: bool) -> AsyncIterator[str]:
    """The file in pieces."""
    write: Write = _csv_rows if as_csv else _json_lines
    if as_csv:
        yield BYTE_ORDER_MARK + _row(CSV_COLUMNS)
    pages = _pages(user)
    read_page = sync_to_async(lambda: next(pages, None))
    while page := await read_page():
        yield write(page)


def _pages(user: User) -> Iterator[list[Payload]]:
    for chat in _chats_of(user):
        title = _title(chat, user)
        last_seq = 0
        while rows := list(_page(user, chat, last_seq)):
            last_seq = rows[-1].seq
            yield [_exported(message, title) for message in rows]


def _chats_of(user: User) -> list[Chat]:
    """Also those that the person has left."""
    written_in = Message.objects.filter(sender=user).order_by().values("chat_id")
    return list(Chat.objects.filter(pk__in=written_in).order_by("pk"))


def _page(user: User, chat: Chat, after_seq: int) -> Any:
    return (
        chat.messages.filter(sender=user, seq__gt=after_seq)
        .order_by("seq")
        .select_related("reply_to")
        .prefetch_related("edits", "attachments")[:PAGE]
    )


def _title(chat: Chat, user: User) -> str:
    """Empty for a chat that the person is no longer in: what it is called now is not theirs."""
    if not Membership.objects.active().filter(chat=chat, user=user).exists():
        return ""
    if not chat.is_direct:
        return chat.title
    other = User.objects.filter(memberships__chat=chat).exclude(pk=user.pk).first()
    return other.name if other else ""


def _exported(message: Message, title: str) -> Payload:
    is_readable = not (message.is_deleted or message.is_hidden)
    state = "deleted" if message.is_deleted else "hidden" if message.is_hidden else "sent"
    edits = message.edits.all() if is_readable else []
    return {
        "chat_id": message.chat_id,
        "chat": title,
        "seq": message.seq,
        "created_at": timestamp(message.created_at),
        "edited_at": timestamp(message.edited_at),
        "state": state,
        "content": message.content if is_readable else "",
        "reply_to_seq": message.reply_to.seq if message.reply_to else None,
        "attachments": [
            {"name": attachment.name, "type": attachment.content_type, "size": attachment.size}
            for attachment in (message.attachments.all() if is_readable else [])
        ],
        "earlier": [
            {"content": edit.content, "until": timestamp(edit.edited_at)}
            for edit in sorted(edits, key=lambda edit: edit.pk)
        ],
    }


def _json_lines(page: list[Payload]) -> str:
    return "".join(orjson.dumps(row).decode() + "\n" for row in page)


def _csv_rows(page: list[Payload]) -> str:
    return "".join(_row([_cell(row[name]) for name in CSV_COLUMNS]) for row in page)


def _cell(value: Any) -> Any:
    return text_cell(value) if isinstance(value, str) else value


def _row(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
