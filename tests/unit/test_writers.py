"""Rows are written by services; who else writes some stands here, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.support.writes import modules_that_write, writes_in

ROOT = Path(__file__).resolve().parents[2]

# A folder (with a slash) or a module, and what it writes that no service could.
WRITERS: Final = {
    "chat": {
        "services/": "they are the ones who write",
        "models/messages.py": "a message takes its chat's next places, however it is saved",
        "models/people.py": "an account gets its skeleton and its normal name, whoever makes it",
        "models/audit.py": "an entry is never changed: `save` looks for that",
        "audit/": "the sealed chain, which only grows, and the facts of signing in",
        "events/": "a change's rows in the outbox, in its transaction",
        "webhooks/": "a wing of its own: webhooks, what is to be sent, and how sending went",
        "handlers/": "counts that the activity's events add up to, and the chain's entries",
        "staff/groups.py": "the groups of staff, after every migrate",
        "upkeep/": "expired rows go, damage is repaired, and tables of its own for one run",
    },
    "messaging": {
        "models.py": "what an operator does to rows of the outbox",
        "outbox/": "rows of the outbox, from recorded to sent",
        "handling/": "what was handled, dead letters and how they ended",
        "process_report.py": "what a running process says of itself",
        "replay/": "a table of its own for one run: which events it has seen",
    },
    "webchat": {},
}
RELATIONS: Final = {"permissions"}


def room_of(module: str, rooms: dict[str, str]) -> str | None:
    """The row of the table that a module stands under."""
    inside = module.partition("/")[2]
    return next((room for room in rooms if inside == room or inside.startswith(room)), None)


@pytest.mark.parametrize("folder", WRITERS)
class TestRows:
    def test_are_written_nowhere_else(self, folder):
        rooms = WRITERS[folder]
        outside = {
            f"{module}:{write.line}": write.code
            for module, writes in modules_that_write(ROOT, folder).items()
            for write in writes
            if room_of(module, rooms) is None
        }
        assert outside == {}

    def test_are_written_by_each_that_is_named(self, folder):
        rooms = WRITERS[folder]
        assert {room_of(module, rooms) for module in modules_that_write(ROOT, folder)} == {*rooms}


class TestAWrite:
    @pytest.mark.parametrize(
        "code",
        [
            "message.save()",
            "message.save(update_fields=['content'])",
            "super().save(*args, **kwargs)",
            "await message.asave()",
            "form.save()",
            "message.delete()",
            "Message.objects.filter(pk=1).delete()",
            "Message.objects.filter(pk=1).update(content='')",
            "rows.update(**changes)",
            "Message.objects.create(content='')",
            "await Message.objects.acreate(content='')",
            "Message.objects.bulk_create(messages)",
            "User.objects.get_or_create(username='x')",
            "group.permissions.set([])",
            "record_fact('a.b', actor=None)",
            "cursor.execute('UPDATE chat_chat SET seq = 1')",
            "QUERY = '''\n    DELETE FROM chat_chat\n'''",
            "f'INSERT INTO {table} VALUES (1)'",
        ],
    )
    def test_is_found(self, code):
        assert len(list(writes_in(code, RELATIONS))) == 1

    @pytest.mark.parametrize(
        "code",
        [
            "image.save(output, format='PNG')",
            "cache.delete(key)",
            "options.update(more)",
            "fields.update({'a': 1})",
            "names.update()",
            "names.add(1)",
            "self.stopping.set()",
            "names.append(1)",
            "QUERY = 'SELECT 1 FROM chat_chat FOR NO KEY UPDATE'",
            "def f():\n    'UPDATE rows.'",
        ],
    )
    def test_is_not_what_has_its_name(self, code):
        assert list(writes_in(code, RELATIONS)) == []
