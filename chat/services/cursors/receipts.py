"""Delivered and read cursors: cumulative, forward only, written in bulk.

Browsers are told on commit; `message-delivery-status` is written in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from chat.events.audiences import DELIVERY, READING
from chat.events.hub_commands import HubCommand, announce
from chat.events.statuses import Moved, record_cursors
from chat.models import Membership
from chat.reads.summaries import SMALL_CHAT_MEMBERS, member_counts
from chat.services.cursors.rows import CursorRow, Wanted, lock_behind, move
from chat.signals import cursors_moved
from messaging.lock_waits import limit_lock_waits


@dataclass(frozen=True, slots=True)
class Cursors:
    delivered_seq: int = 0
    read_seq: int = 0

    def joined(self, other: Cursors) -> Cursors:
        return Cursors(
            max(self.delivered_seq, other.delivered_seq), max(self.read_seq, other.read_seq)
        )


Receipts = Mapping[tuple[int, int], Cursors]  # by (chat_id, user_id)


@transaction.atomic
def advance_cursors(
    receipts: Receipts, *, record: bool = True, lock_ms: int | None = None
) -> Mapping[int, int]:
    """Moves members' cursors forward; those of non-members, or behind the present ones, change
    nothing.

    Returns, for each chat, how many members' cursors moved. `record=False`: their events are on the
    topic already. `lock_ms`: see `limit_lock_waits`.
    """
    if lock_ms is not None:
        limit_lock_waits(lock_ms)
    wanted = [
        Wanted(chat_id, user_id, max(cursors.delivered_seq, cursors.read_seq), cursors.read_seq)
        for (chat_id, user_id), cursors in receipts.items()
    ]
    rows = lock_behind(wanted) if wanted else []
    moves = {row.membership_id: moved for row in rows if (moved := _moved(row))}
    if not moves:
        return {}
    move([(pk, moved.delivered_seq, moved.read_seq) for pk, moved in moves.items()])
    all_moved = list(moves.values())
    if record:
        record_cursors(all_moved)
    cursors_moved.send(sender=Membership, moved=all_moved)
    counts = member_counts({moved.chat_id for moved in all_moved})
    announce(_lines(all_moved, counts))
    return counts


def _moved(row: CursorRow) -> Moved | None:
    """Nothing beyond the chat's last message can have been delivered or read."""
    delivered = max(row.delivered_seq, min(row.wanted_delivered_seq, row.last_seq))
    read = max(row.read_seq, min(row.wanted_read_seq, row.last_seq))
    if (delivered, read) == (row.delivered_seq, row.read_seq):
        return None
    return Moved(
        chat_id=row.chat_id,
        user_id=row.user_id,
        delivered_seq=delivered,
        read_seq=read,
        has_received=delivered > row.delivered_seq,
        has_read=read > row.read_seq,
        shares_reading=bool(row.shares_reading),
    )


def _lines(all_moved: Sequence[Moved], counts: Mapping[int, int]) -> Iterator[HubCommand]:
    """To everyone in a small chat; in a large one only to the person's own devices."""
    small = [chat_id for chat_id, count in counts.items() if count <= SMALL_CHAT_MEMBERS]
    discreet = _with_discreet_members(small)
    for moved in all_moved:
        if counts[moved.chat_id] > SMALL_CHAT_MEMBERS:
            yield _to_oneself(moved)
        elif moved.has_read and not moved.shares_reading:
            yield _to_oneself(moved)
            if moved.has_received:
                yield HubCommand.to_chat(moved.chat_id, _delivered(moved))
        elif moved.has_read:
            yield HubCommand.to_audience(READING, moved.chat_id, _whole(moved))
            if moved.has_received and moved.chat_id in discreet:
                yield HubCommand.to_audience(DELIVERY, moved.chat_id, _delivered(moved))
        else:
            yield HubCommand.to_chat(moved.chat_id, _delivered(moved))


def _with_discreet_members(chat_ids: Collection[int]) -> set[int]:
    """Chats with a member who hides what they have read, and so does not see it of others."""
    members = Membership.objects.active().filter(chat_id__in=chat_ids, user__shares_reading=False)
    return set(members.values_list("chat_id", flat=True))


def _to_oneself(moved: Moved) -> HubCommand:
    return HubCommand.to_person(moved.user_id, _whole(moved), as_member_of=moved.chat_id)


def _delivered(moved: Moved) -> dict[str, object]:
    return {
        "type": "status",
        "chat_id": moved.chat_id,
        "user_id": moved.user_id,
        "delivered_seq": moved.delivered_seq,
    }


def _whole(moved: Moved) -> dict[str, object]:
    return {**_delivered(moved), "read_seq": moved.read_seq}
