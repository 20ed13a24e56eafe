"""Who a message has reached and who has read it, asked of the database: for its sender in chats too
large to spread it, and for those who follow one message's way. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, Value

from chat.models import Membership, Message, User
from chat.models.chats import of_member
from chat.reads.paging import page_of
from chat.wire.payloads import Payload, person_payload

PAGE_PEOPLE: Final = 50


@dataclass(frozen=True, slots=True)
class ReceiptCounts:
    """`members`: who was in the chat when it was written and still is, without its sender. `read`:
    of those who show it; `not_showing` are the others."""

    members: int
    delivered: int
    read: int
    not_showing: int


def count_receipts(message: Message) -> ReceiptCounts:
    counts = _receivers(message, show_reading=True).aggregate(
        members=Count("pk"),
        delivered=Count("pk", filter=Q(has_it=True)),
        read=Count("pk", filter=Q(has_read=True)),
        not_showing=Count("pk", filter=Q(shares_reading=False)),
    )
    return ReceiptCounts(**counts)


def receipts_payload(message: Message, viewer: User, page: int) -> Payload:
    """The counts, and a page of the people: those first who have done most with it."""
    counts = count_receipts(message)
    receivers = _receivers(message, show_reading=viewer.shares_reading).prefetch_related("user")
    ordered = receivers.order_by("-has_read", "-has_it", of_member("username"))
    rows, more = page_of(ordered, page, size=PAGE_PEOPLE)
    return {
        "members": counts.members,
        "delivered": counts.delivered,
        **({"read": counts.read} if viewer.shares_reading else {}),
        "people": [_person(row, viewer) for row in rows],
        "more": more,
    }


def _receivers(message: Message, *, show_reading: bool) -> Any:
    """With `has_it`, and `has_read` as far as that is shown."""
    shown = Q(read_seq__gte=message.seq) & Q(shares_reading=True)
    return (
        Membership.objects.active()
        .people()
        .filter(chat_id=message.chat_id, joined_at__lte=message.created_at)
        .exclude(user_id=message.sender_id)
        .annotate(shares_reading=of_member("shares_reading"))
        .annotate(
            has_it=_whether(Q(delivered_seq__gte=message.seq)),
            has_read=_whether(shown) if show_reading else Value(False),
        )
    )


def _whether(condition: Q) -> ExpressionWrapper[Q]:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _person(row: Any, viewer: User) -> Payload:
    is_shown = viewer.shares_reading and row.user.shares_reading
    return {
        "user": person_payload(row.user),
        "delivered": row.has_it,
        **({"read": row.has_read} if is_shown else {}),
    }
