"""Repairs what can be repaired: chat by chat, under the chat's lock, checking each thing again,
because things may have changed since it was found. Idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Greatest, Least

from chat.events.messages import message_event
from chat.models import Chat, Membership, Message
from chat.models.changes import CHANGES
from chat.upkeep.reconciling.damage import Damage
from messaging.models import OutboxEvent
from messaging.outbox.recording import record_many
from messaging.signals import Operator, operated

# Event ids made here are the same each time for the same change.
NAMESPACE = UUID("1d0d5a3c-4f6d-4d55-9e0b-7c9f3a9b21e4")
AT_ONCE = 500

COLUMNS = "id integer PRIMARY KEY, code varchar(40), chat_id bigint, ref bigint, detail varchar(10)"

Refs = Sequence[tuple[int, str]]


class Todo:
    """What is to be repaired, kept on the database's side however much it is."""

    def __init__(self) -> None:
        self._count = 0
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS reconcile_todo")
            cursor.execute(f"CREATE TEMPORARY TABLE reconcile_todo ({COLUMNS})")

    def add(self, damage: Damage) -> None:
        self._count += 1
        detail = damage.values.get("action", "")
        row = [self._count, damage.code, damage.chat_id, damage.ref, detail]
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO reconcile_todo VALUES (%s, %s, %s, %s, %s)", row)

    def parts(self) -> Iterator[tuple[str, int | None, Refs]]:
        """In the order in which it was found: rows of one kind and chat together."""
        last, rows = 0, self._after(0)
        while rows:
            code, chat_id = rows[0][1:3]
            part = []
            for row in rows:
                if row[1:3] != (code, chat_id):
                    break
                part.append(row)
            last = part[-1][0]
            yield code, chat_id, [(ref, detail) for *_, ref, detail in part]
            rows = self._after(last)

    def _after(self, last: int) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, code, chat_id, ref, detail FROM reconcile_todo WHERE id > %s"
                " ORDER BY id LIMIT %s",
                [last, AT_ONCE],
            )
            return list(cursor.fetchall())


def repair(todo: Todo, actor: Operator) -> Iterator[tuple[str, int | None, int]]:
    """Yields kind, chat and how many are right now, also those that had become so by themselves;
    each in a transaction with its fact."""
    for code, chat_id, refs in todo.parts():
        with transaction.atomic():
            if chat_id is not None:
                list(Chat.objects.locked_in_order().filter(pk=chat_id))
            count = REPAIRS[code](refs, actor)
            if count:
                operated.send(
                    sender=Todo,
                    action="reconcile.repaired",
                    target=("chat", chat_id) if chat_id is not None else ("", ""),
                    details={"kind": code, "count": count},
                    actor=actor,
                )
        yield code, chat_id, len(refs)


def _correct_chats(refs: Refs, actor: Operator) -> int:
    """Only forward: a seq or a revision that was given is never given again."""
    for chat_id in {ref for ref, _ in refs}:
        top = Message.objects.filter(chat_id=chat_id).aggregate(
            seq=Max("seq"), revision=Max("revision")
        )
        chat = Chat.objects.get(pk=chat_id)
        chat.last_seq = max(chat.last_seq, top["seq"] or 0)
        chat.revision = max(chat.revision, top["revision"] or 0)
        chat.published_seq = min(chat.published_seq, chat.last_seq)
        newest = Message.objects.filter(chat_id=chat_id).order_by("-seq").first()
        chat.last_message_at = newest.created_at if newest else None
        chat.save(update_fields=["last_seq", "revision", "published_seq", "last_message_at"])
    return len(refs)


def _count_members(refs: Refs, actor: Operator) -> int:
    counted = Chat.objects.counted().filter(pk__in={ref for ref, _ in refs})
    for chat_id, people in counted.values_list("pk", "people"):
        Chat.objects.filter(pk=chat_id).update(member_count=people)
    return len(refs)


def _correct_cursors(refs: Refs, actor: Operator) -> int:
    """What is read was delivered, and nothing beyond the last message can be either."""
    count = 0
    for pk, _ in refs:
        wrong = Membership.objects.filter(pk=pk).filter(
            Q(delivered_seq__gt=F("chat__last_seq")) | Q(read_seq__gt=F("delivered_seq"))
        )
        found = wrong.values_list("chat__last_seq", flat=True).first()
        if found is not None:
            read = Least("read_seq", found)
            count += Membership.objects.filter(pk=pk).update(
                read_seq=read, delivered_seq=Least(Greatest("delivered_seq", read), found)
            )
    return count


def _write_events(refs: Refs, actor: Operator) -> int:
    """With an id that is always the same for the same change: written twice it is one event."""
    messages = Message.objects.select_related("sender").in_bulk([pk for pk, _ in refs])
    events = []
    for pk, change in refs:
        message = messages.get(pk)
        if message is not None and (message.is_readable or CHANGES[change].action == "deleted"):
            event_id = uuid5(NAMESPACE, f"{pk}:{change}:{_mark(message, change)}")
            events.append(replace(message_event(message, change), event_id=event_id))
    ids = [event.event_id for event in events]
    there = set(OutboxEvent.objects.filter(event_id__in=ids).values_list("event_id", flat=True))
    record_many([event for event in events if event.event_id not in there])
    return len(refs)


def _mark(message: Message, change: str) -> str:
    """Which change of its kind: a message is created and deleted once, but edited often."""
    moments = {"edited": message.edited_at, "hidden": message.hidden_at}
    return str(moments.get(change) or "")


def _cancel(refs: Refs, actor: Operator) -> int:
    """Still waiting or set aside."""
    return OutboxEvent.objects.filter(pk__in=[pk for pk, _ in refs]).cancel(actor=actor)


def _send_again(refs: Refs, actor: Operator) -> int:
    """In id order, which is seq order within a chat."""
    return OutboxEvent.objects.filter(
        pk__in=[pk for pk, _ in refs], status=OutboxEvent.Status.PUBLISHED
    ).update(
        status=OutboxEvent.Status.WAITING,
        attempts=0,
        published_at=None,
        partition=None,
        offset=None,
    )


REPAIRS: dict[str, Callable[[Refs, Operator], int]] = {
    "wrong_last_seq": _correct_chats,
    "wrong_revision": _correct_chats,
    "wrong_published_seq": _correct_chats,
    "wrong_last_message_at": _correct_chats,
    "wrong_member_count": _count_members,
    "wrong_cursor": _correct_cursors,
    "message_without_event": _write_events,
    "waiting_event_without_message": _cancel,
    "waiting_double_event": _cancel,
    "unhandled_event": _send_again,
    "lost_on_topic": _send_again,
}
