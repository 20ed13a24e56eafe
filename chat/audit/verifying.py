"""Reads the audit log from its first entry to its last and finds what was done to it.

Works while entries are appended, in steps of a few thousand: needs neither a lock nor much memory.
What was changed, removed or put in shows in the chain itself. What was cut off its end, and a chain
that somebody sealed again, show against what is kept elsewhere: what the
handler that appends has handled, and heads that an operator has noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, Min, OuterRef

from chat.audit.chain import NOTHING_BEFORE, Entry, Head
from chat.models import AuditEntry
from messaging.handling.registry import MAIN_GROUP
from messaging.models import HandledEvent

STEP = 5000
# Handled events are written a little before their entries, and are pruned by their own age.
HANDLED_MARGIN = timedelta(minutes=10)
HANDLER = "audit"

Tell = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Damage:
    """`kind` and the names of the fields are what `audit_verify --json` prints: a contract."""

    kind: str
    place: int | None
    text: str
    event_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Verification:
    """One reading; `head` is where it ended."""

    def __init__(self, *, first: int = 1, tell: Tell = lambda place: None) -> None:
        self.first = first
        self.entries = 0
        self.head = Head(first - 1, NOTHING_BEFORE)
        self._tell = tell

    def damages(self, expected: Sequence[Head] = ()) -> Iterator[Damage]:
        """All of it, as it is found."""
        yield from self._begin()
        for entry in self._entries():
            yield from self._compare(entry)
            self.head = Head(entry.place, entry.hash)
            self.entries += 1
        for head in expected:
            yield from _compare_head(head)
        yield from _removed()
        yield from _put_in()

    def _begin(self) -> Iterator[Damage]:
        """A reading that does not begin at the first entry takes the one before at its word."""
        if self.first == 1:
            return
        before = AuditEntry.objects.filter(place=self.first - 1).values_list("place", "hash")
        if found := before.first():
            self.head = Head(*found)
        else:
            yield _missing(self.first - 1, self.first - 1)

    def _entries(self) -> Iterator[Entry]:
        following = AuditEntry.objects.order_by("place").values_list(*Entry._fields)
        while rows := list(following.filter(place__gt=self.head.place)[:STEP]):
            yield from map(Entry._make, rows)
            self._tell(self.head.place)

    def _compare(self, entry: Entry) -> Iterator[Damage]:
        place, previous = self.head
        if entry.place > place + 1:
            yield _missing(place + 1, entry.place - 1)
        elif entry.previous_hash != previous and not self._is_unknown_before():
            yield _damage("unlinked", entry, _UNLINKED)
        if entry.hash != entry.seal():
            yield _damage("changed", entry, _CHANGED)

    def _is_unknown_before(self) -> bool:
        return self.entries == 0 and self.first > 1 and self.head.hash == NOTHING_BEFORE


_CHANGED = "does not match its hash: the entry was changed, or inserted here from elsewhere"
_UNLINKED = (
    "does not follow the entry before it: that one was changed and sealed again, or an entry"
    " between them was removed"
)


def _damage(kind: str, entry: Entry, text: str) -> Damage:
    return Damage(kind, entry.place, f"Place {entry.place} {text}.", str(entry.event_id))


def _missing(first: int, last: int) -> Damage:
    places = f"Place {first} is" if first == last else f"Places {first} to {last} are"
    return Damage("removed", first, f"{places} missing: removed.")


def _compare_head(expected: Head) -> Iterator[Damage]:
    found = AuditEntry.objects.filter(place=expected.place).values_list("hash", flat=True).first()
    if found is None:
        text = f"Place {expected.place} is missing: it existed when its hash was recorded."
        yield Damage("removed", expected.place, text)
    elif found != expected.hash:
        text = (
            f"Place {expected.place} has a different hash from the one recorded: it, or an entry"
            " before it, was changed and sealed again."
        )
        yield Damage("resealed", expected.place, text)


def _removed() -> Iterator[Damage]:
    """The handled events say that these were appended."""
    entries = AuditEntry.objects.filter(event_id=OuterRef("event_id"))
    lost = _handled_events().filter(~Exists(entries)).order_by("pk")
    for event_id, moment in lost.values_list("event_id", "handled_at").iterator(STEP):
        text = f"Event {event_id}, appended at {moment:%Y-%m-%d %H:%M:%S} UTC, is not in the log."
        yield Damage("removed", None, text, str(event_id))


def _put_in() -> Iterator[Damage]:
    """Entries that the handler did not append. Those older than the oldest handled event have lost
    theirs to `prune`."""
    oldest = _handled_events().aggregate(moment=Min("handled_at"))["moment"]
    if oldest is None:
        return
    handled = _handled_events().filter(event_id=OuterRef("event_id"))
    foreign = AuditEntry.objects.filter(
        ~Exists(handled), recorded_at__gt=oldest + HANDLED_MARGIN
    ).order_by("place")
    for place, event_id in foreign.values_list("place", "event_id").iterator(STEP):
        text = f"Place {place} was not recorded as handled: inserted by hand, or by kafka_replay."
        yield Damage("put_in", place, text, str(event_id))


def _handled_events() -> Any:
    return HandledEvent.objects.filter(group=MAIN_GROUP, handler=HANDLER)
