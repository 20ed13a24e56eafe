"""An export of very much: it goes through in pieces, and holds nothing while it is read."""

from __future__ import annotations

import gc
import json
import tracemalloc

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from chat.models import Message, MessageEdit, User
from chat.reads.export import export_parts, export_pieces
from chat.reads.pieces import joined
from chat.services.posting.posting import post_messages
from tests.support import people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]

LONG = "ы" * 4000
MAX_GROWTH = 600_000


def write_earlier(message: Message, wordings: list[str]) -> None:
    MessageEdit.objects.bulk_create(
        MessageEdit(message=message, content=content) for content in wordings
    )
    Message.objects.filter(pk=message.pk).update(edited_at=timezone.now())


def peak_of(person: User, form: str) -> int:
    """Bytes held at most while the whole export goes through, without the collector's help."""
    gc.disable()
    tracemalloc.start()
    try:
        for _ in joined(export_parts(person, as_csv=form == "csv")):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()


class TestExport:
    def test_has_every_wording_through_more_than_a_page(self, ann, chat, monkeypatch):
        monkeypatch.setattr("chat.reads.export.PAGE", 2)
        message = people.post_text(chat, ann, "now")
        write_earlier(message, [f"wording {number}" for number in range(5)])
        (row,) = map(json.loads, "".join(export_parts(ann, as_csv=False)).splitlines())
        assert [edit["content"] for edit in row["earlier"]] == [f"wording {n}" for n in range(5)]


class TestLargeExport:
    @pytest.mark.parametrize("form", ["jsonl", "csv"])
    def test_takes_no_more_memory_for_more_wordings(self, ann, form):
        message = people.post_text(people.make_group(ann), ann, "now")
        write_earlier(message, [LONG] * 300)
        some = peak_of(ann, form)
        write_earlier(message, [LONG] * 1_500)
        assert peak_of(ann, form) < some + MAX_GROWTH

    @pytest.mark.parametrize("form", ["jsonl", "csv"])
    def test_takes_no_more_memory_for_more_messages_with_wordings(self, ann, form, monkeypatch):
        monkeypatch.setattr("chat.reads.export.PAGE", 20)
        monkeypatch.setattr("chat.reads.pieces.PIECE_LENGTH", 20_000)
        chat = people.make_group(ann)
        for count in (40, 80):
            given = [people.new_post(chat, ann, LONG) for _ in range(count)]
            for posted in people.all_saved(post_messages(given)):
                write_earlier(Message.objects.get(pk=posted.message_id), [LONG] * 10)
            if count == 40:
                some = peak_of(ann, form)
        assert peak_of(ann, form) < some + MAX_GROWTH

    async def test_holds_no_connection_while_it_is_read_and_leaves_none(self, live, monkeypatch):
        monkeypatch.setattr("chat.reads.pieces.PIECE_LENGTH", 10)
        ann = await sync_to_async(people.make_person)("anna")
        chat = await sync_to_async(people.make_group)(ann)
        for number in range(3):
            await sync_to_async(people.post_text)(chat, ann, f"message {number}")
        pieces = export_pieces(ann, as_csv=False)
        assert "message 0" in await anext(pieces)
        assert await sync_to_async(lambda: connection.connection)() is None
        # Whoever asked has gone away.
        await pieces.aclose()
        assert await sync_to_async(lambda: connection.connection)() is None
