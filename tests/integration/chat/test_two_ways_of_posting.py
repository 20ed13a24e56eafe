"""On PostgreSQL a batch of posts goes through a pipeline; the ORM's way gives the same."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction

from chat.models import Attachment, Chat, Message, User
from chat.services.attachments import store_upload
from chat.services.messages import delete_message, edit_message
from chat.services.posting import posting
from chat.services.posting.pipelined_rows import READ, pipelined_rows_of
from chat.services.posting.posting import post_messages
from chat.services.posting.posts import NewPost, Outcome, Posted
from chat.services.posting.rows import rows_of
from messaging.models import OutboxEvent
from tests.support.people import ban, make_group, make_people, new_post, post, remove

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


class World:
    """A chat of three, another of one, a message to quote, a file that was uploaded."""

    def __init__(self) -> None:
        self.ann, self.bob, self.eve, self.zoe = make_people("ann", "bob", "eve", "zoe")
        self.chat = make_group(self.ann, self.bob, self.eve)
        self.other = make_group(self.eve)
        self.first: Posted = post(self.chat, self.ann, "the first", client_message_id=SAME)
        self.gone: Posted = post(self.chat, self.bob, "gone")
        delete_message(actor=self.bob, message_id=self.gone.message_id)
        edit_message(actor=self.ann, message_id=self.first.message_id, content="the first, edited")
        file = SimpleUploadedFile("notes.pdf", b"%PDF-1.7 words")
        self.file: Attachment = store_upload(uploader=self.ann, chat_id=self.chat.pk, file=file)

    def post(self, who: User, content: str = "Hello", **fields: Any) -> NewPost:
        return new_post(fields.pop("chat", self.chat), who, content, **fields)


TEXTS = ("Привет", "a\\b\"c'd", "{1,2}", "\u2028\u200d👩‍👩‍👧", "%s %b", "NULL")
SAME, TWICE = uuid.UUID(int=1), uuid.UUID(int=2)
Batch = Callable[[World], list[NewPost]]
BATCHES: dict[str, Batch] = {
    "one": lambda w: [w.post(w.ann)],
    "of several people in several chats": lambda w: [
        w.post(w.ann, "a"),
        w.post(w.eve, "b", chat=w.other),
        w.post(w.bob, "c"),
        w.post(w.eve, "d"),
    ],
    "sent again": lambda w: [w.post(w.ann, "other words", client_message_id=SAME)],
    "sent twice at once": lambda w: [
        w.post(w.bob, "x", client_message_id=TWICE),
        w.post(w.bob, "y", client_message_id=TWICE),
    ],
    "the same id of another person": lambda w: [w.post(w.bob, client_message_id=SAME)],
    "the same id in another chat": lambda w: [w.post(w.eve, chat=w.other, client_message_id=SAME)],
    "with a quote": lambda w: [w.post(w.bob, reply_to_id=w.first.message_id)],
    "with a quote of what is gone": lambda w: [w.post(w.bob, reply_to_id=w.gone.message_id)],
    "with a quote of another chat": lambda w: [
        w.post(w.eve, chat=w.other, reply_to_id=w.first.message_id)
    ],
    "with a file": lambda w: [w.post(w.ann, "", attachment_ids=(w.file.pk,))],
    "with another's file": lambda w: [w.post(w.bob, attachment_ids=(w.file.pk,))],
    "by a stranger": lambda w: [w.post(w.zoe)],
    "by strangers, beside a good one": lambda w: [
        w.post(w.zoe),
        w.post(w.ann, "good"),
        w.post(w.bob, chat=w.other),
        w.post(w.ann, " "),
    ],
    "into no chat": lambda w: [w.post(w.ann, chat=Chat(pk=10**9))],
    "with all kinds of text": lambda w: [
        w.post(w.ann, text)
        for text in ("Привет", "a\\b\"c'd", "{1,2}", "\u2028\u200d👩‍👩‍👧", "%s %b")
    ],
    "none": lambda w: [],
}
WHOM = {
    "while all is well": lambda w: None,
    "after ann was banned": lambda w: ban(w.ann),
    "after bob was removed": lambda w: remove(w.chat, w.bob),
}


def result_of(way: Any, world: World, batch: Batch, monkeypatch: Any) -> dict[str, Any]:
    """Outcomes and every row that there is now, without what differs from run to run."""
    monkeypatch.setattr(posting, "pipelined_rows_of", way)
    with transaction.atomic():
        outcomes = [told(outcome) for outcome in post_messages(batch(world))]
        found = {
            "outcomes": outcomes,
            "messages": rows(Message.objects.order_by("chat_id", "seq")),
            "chats": rows(Chat.objects.order_by("pk")),
            "files": rows(Attachment.objects.order_by("pk")),
            "events": [
                {**row, "id": None, "payload": json.loads(row["payload"])}
                for row in rows(OutboxEvent.objects.order_by("pk"))
            ],
        }
        places = {str(m.pk): f"{m.chat_id}:{m.seq}" for m in Message.objects.all()}
        transaction.set_rollback(True)
    return json.loads(alike(json.dumps(found, default=str)), object_hook=partial(by_place, places))


def told(outcome: Outcome) -> Any:
    return (
        asdict(outcome) if isinstance(outcome, Posted) else [type(outcome).__name__, str(outcome)]
    )


def rows(queryset: Any) -> list[dict[str, Any]]:
    return list(queryset.values())


def alike(text: str) -> str:
    """UUIDs and moments, numbered as they appear: the same one is the same number."""
    seen: dict[str, str] = {}
    uuids = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    moments = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+(?:\+00:00|Z)"
    return re.sub(
        f"{uuids}|{moments}", lambda match: seen.setdefault(match.group(), f"#{len(seen)}"), text
    )


def by_place(places: dict[str, str], row: dict[str, Any]) -> dict[str, Any]:
    """A message is named by its chat and seq: ids are taken from a sequence."""
    named = {"message_id", "messageId", *(["id"] if "client_message_id" in row else [])}
    return {
        name: places.get(str(value), value) if name in named else value
        for name, value in row.items()
    }


class TestBothWays:
    @pytest.mark.parametrize("before", WHOM.values(), ids=WHOM)
    @pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
    def test_give_the_same_outcomes_rows_and_events(
        self, batch, before, monkeypatch, settings, tmp_path
    ):
        settings.MEDIA_ROOT = tmp_path
        world = World()
        before(world)
        one = result_of(pipelined_rows_of, world, batch, monkeypatch)
        assert one == result_of(rows_of, world, batch, monkeypatch)


class TestPlans:
    def test_what_is_known_is_looked_up_by_its_id_even_when_planned_while_the_table_is_new(self):
        """Another index of as good a look leads to all that a person has sent."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"PREPARE reading AS {READ}")
            cursor.execute("EXPLAIN EXECUTE reading('{}', '{}', '{}')")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            cursor.execute("DEALLOCATE reading")
        assert "message_sent_once" in plan
