"""What a person wrote, as a file: JSON Lines or CSV, chat by chat, in seq order.

Read page by page and written in pieces: it takes no more memory for 100,000 messages or wordings
than for a hundred, and holds neither a transaction nor a connection while a slow line takes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import orjson
from django.db.models import F

from chat.csv_cells import csv_head, csv_row
from chat.models import Chat, Membership, Message, MessageEdit, User
from chat.payloads import Payload, timestamp
from chat.pieces import in_pieces

# At 4,000 characters each, a page is 1.6 MB at most.
PAGE: Final = 100
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


def export_pieces(user: User, *, as_csv: bool) -> AsyncIterator[str]:
    """The file, in pieces."""
    return in_pieces(export_parts(user, as_csv=as_csv))


def export_parts(user: User, *, as_csv: bool) -> Iterator[str]:
    return _csv_lines(user) if as_csv else _json_parts(user)


def _csv_lines(user: User) -> Iterator[str]:
    yield csv_head(CSV_COLUMNS)
    for message, title in _messages_of(user):
        fields = _exported(message, title)
        yield csv_row(fields[name] for name in CSV_COLUMNS)


def _json_parts(user: User) -> Iterator[str]:
    for message, title in _messages_of(user):
        fields = {**_exported(message, title), "attachments": _attachments_of(message)}
        # Left open: of wordings there may be more than fit into memory at once.
        yield _json(fields).removesuffix("}") + ',"earlier":['
        for place, edit in enumerate(_wordings_of(message)):
            comma = "," if place else ""
            yield comma + _json({"content": edit.content, "until": timestamp(edit.edited_at)})
        yield "]}\n"


def _json(fields: Payload) -> str:
    return orjson.dumps(fields).decode()


def _messages_of(user: User) -> Iterator[tuple[Message, str]]:
    """Each with its chat's title."""
    for chat in _chats_of(user):
        title = _title(chat, user)
        last_seq = 0
        while rows := list(_page(user, chat, last_seq)):
            last_seq = rows[-1].seq
            for message in rows:
                yield message, title


def _chats_of(user: User) -> list[Chat]:
    """Also those that the person has left."""
    written_in = Message.objects.filter(sender=user).order_by().values("chat_id")
    return list(Chat.objects.filter(pk__in=written_in).order_by("pk"))


def _page(user: User, chat: Chat, after_seq: int) -> Any:
    return (
        chat.messages.filter(sender=user, seq__gt=after_seq)
        .order_by("seq")
        .annotate(reply_to_seq=F("reply_to__seq"))
        .prefetch_related("attachments")[:PAGE]
    )


def _wordings_of(message: Message) -> Iterator[MessageEdit]:
    """The earlier ones, the oldest first, a page at a time."""
    if message.edited_at is None or not message.is_readable:
        return
    last_pk = 0
    while rows := list(message.edits.filter(pk__gt=last_pk).order_by("pk")[:PAGE]):
        last_pk = rows[-1].pk
        yield from rows


def _title(chat: Chat, user: User) -> str:
    """Empty for a chat that the person is no longer in: what it is called now is not theirs."""
    if not Membership.objects.active().filter(chat=chat, user=user).exists():
        return ""
    if not chat.is_direct:
        return chat.title
    other = User.objects.filter(memberships__chat=chat).exclude(pk=user.pk).first()
    return other.name if other else ""


def _exported(message: Any, title: str) -> Payload:
    state = "deleted" if message.is_deleted else "hidden" if message.is_hidden else "sent"
    return {
        "chat_id": message.chat_id,
        "chat": title,
        "seq": message.seq,
        "created_at": timestamp(message.created_at),
        "edited_at": timestamp(message.edited_at),
        "state": state,
        "content": message.content if message.is_readable else "",
        "reply_to_seq": message.reply_to_seq,
    }


def _attachments_of(message: Message) -> list[Payload]:
    if not message.is_readable:
        return []
    return [
        {"name": attachment.name, "type": attachment.content_type, "size": attachment.size}
        for attachment in message.attachments.all()
    ]
