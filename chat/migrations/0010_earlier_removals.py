"""Finds who was removed before it was kept with the membership: they stay out, too.

The audit log knows; what has not reached it yet waits in the outbox. A stay that nobody is known to
have ended counts as one that the person left.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import migrations

REMOVED = "member.removed"
STEP = 500

# Chat, person, when, and by whom.
Removal = tuple[int, int, datetime, int | None]


def mark_removed(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    entries = apps.get_model("chat", "AuditEntry").objects.using(database)
    events = apps.get_model("messaging", "OutboxEvent").objects.using(database)
    for removals in _in_steps(_audited(entries), _waiting(events)):
        _mark(apps, database, removals)


def _audited(entries: Any) -> Iterator[Removal]:
    rows = entries.filter(action=REMOVED, target_type="person", chat_id__isnull=False)
    names = ("chat_id", "target_id", "happened_at", "actor_id")
    for chat_id, person, moment, actor in rows.order_by("place").values_list(*names).iterator():
        if person.isdecimal():
            yield chat_id, int(person), moment, actor


def _waiting(events: Any) -> Iterator[Removal]:
    rows = events.filter(status=0, topic="audit-events", event_type=REMOVED)
    for payload in rows.order_by("pk").values_list("payload", flat=True).iterator():
        fact = json.loads(payload)
        if fact["chatId"] and fact["targetType"] == "person":
            actor = int(fact["actorId"]) if fact["actorId"] else None
            moment = datetime.fromisoformat(fact["timestamp"])
            yield int(fact["chatId"]), int(fact["targetId"]), moment, actor


def _in_steps(*sources: Iterable[Removal]) -> Iterator[list[Removal]]:
    step: list[Removal] = []
    for source in sources:
        for removal in source:
            step.append(removal)
            if len(step) == STEP:
                yield step
                step = []
    yield step


def _mark(apps: Any, database: str, removals: list[Removal]) -> None:
    """Later removals come later, and are what is kept."""
    memberships = apps.get_model("chat", "Membership").objects.using(database)
    people = apps.get_model("chat", "User").objects.using(database)
    actors = {actor for _chat, _person, _moment, actor in removals if actor is not None}
    known = set(people.filter(pk__in=actors).values_list("pk", flat=True))
    for chat_id, person_id, moment, actor in removals:
        # Each stay begins with a new `joined_at` and ends once: by what came after that.
        memberships.filter(
            chat_id=chat_id,
            user_id=person_id,
            user__is_bot=False,
            left_at__isnull=False,
            joined_at__lte=moment,
        ).update(removed_at=moment, removed_by=actor if actor in known else None)


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0009_removed_stay_out"),
        ("messaging", "0001_initial"),
    ]

    operations = [migrations.RunPython(mark_removed, migrations.RunPython.noop)]
