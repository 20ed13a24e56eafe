"""What a person wrote, as a file: JSON Lines or CSV, chat by chat, in seq order.

Read page by page and written in pieces: it takes no more memory for 100,000 messages or wordings
than for a hundred, and holds neither a transaction nor a connection while a slow line takes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

import orjson
from django.db.models import F

from chat.content.csv_cells import csv_head, csv_row
from chat.models import Attachment, Chat, Message, MessageEdit, User
from chat.reads.pieces import in_pieces
from chat.wire.payloads import Payload, timestamp

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


def export_pieces(user: User, *, as_csv: bool) -> AsyncGenerator[str]:
    """The file, in pieces."""
    return in_pieces(export_parts(user, as_csv=as_csv))


def export_parts(user: User, *, as_csv: bool) -> Iterator[str]:
    return _csv_lines(user) if as_csv else _json_parts(user)


def _csv_lines(user: User) -> Iterator[str]:
    yield csv_head(CSV_COLUMNS)
    for page, title in _pages(user):
        for message in page:
            fields = _exported(message, title)
            yield csv_row(fields[name] for name in CSV_COLUMNS)


def _json_parts(user: User) -> Iterator[str]:
    for page, title in _pages(user):
        attachments = _attachments_of(page)
        for message in page:
            fields = {**_exported(message, title), "attachments": attachments[message.pk]}
            # Left open: of wordings there may be more than fit into memory at once.
            yield _json(fields).removesuffix("}") + ',"earlier":['
            for place, wording in enumerate(_wordings_of(message)):
                yield ("," if place else "") + _json(wording)
            yield "]}\n"


def _json(fields: Payload) -> str:
    return orjson.dumps(fields).decode()


def _pages(user: User) -> Iterator[tuple[list[Message], str]]:
    """Messages of a chat, with its title."""
    for chat_id in _chats_of(user):
        title = _title(chat_id, user)
        last_seq = 0
        while page := list(_page(user, chat_id, last_seq)):
            last_seq = page[-1].seq
            yield page, title


def _chats_of(user: User) -> list[int]:
    """Also those that the person has left."""
    written_in = Message.objects.filter(sender=user).order_by("chat_id")
    return list(written_in.values_list("chat_id", flat=True).distinct())


# Nothing is prefetched below and no related manager is used: they tie rows into circles, which stay
# in memory until the collector comes, long after they were sent.


def _page(user: User, chat_id: int, after_seq: int) -> Any:
    messages = Message.objects.filter(chat_id=chat_id, sender=user, seq__gt=after_seq)
    return messages.order_by("seq").annotate(reply_to_seq=F("reply_to__seq"))[:PAGE]


def _attachments_of(page: list[Message]) -> dict[int, list[Payload]]:
    """By message id."""
    found: dict[int, list[Payload]] = defaultdict(list)
    shown = [message.pk for message in page if message.is_readable]
    rows = Attachment.objects.filter(message_id__in=shown).order_by("message_id", "place")
    for message_id, *about in rows.values_list("message_id", "name", "content_type", "size"):
        found[message_id].append(dict(zip(("name", "type", "size"), about, strict=True)))
    return found


def _wordings_of(message: Message) -> Iterator[Payload]:
    """The earlier ones, the oldest first, a page at a time."""
    if message.edited_at is None or not message.is_readable:
        return
    edits = MessageEdit.objects.filter(message_id=message.pk).order_by("pk")
    wordings = edits.values_list("pk", "content", "edited_at")
    last_pk = 0
    while rows := list(wordings.filter(pk__gt=last_pk)[:PAGE]):
        last_pk = rows[-1][0]
        for _pk, content, edited_at in rows:
            yield {"content": content, "until": timestamp(edited_at)}


def _title(chat_id: int, user: User) -> str:
    """Empty for a chat that the person is no longer in: what it is called now is not theirs."""
    chat = Chat.objects.with_member(user).filter(pk=chat_id).first()
    if chat is None or not chat.is_direct:
        return chat.title if chat else ""
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
