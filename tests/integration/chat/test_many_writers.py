"""Many processes write to one chat at once, and everyone reads the same."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from chat.models import Message
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.processes import PATIENCE
from tests.support.servers import ROOT, environment
from tests.support.sockets import Follower

PROCESSES, WRITERS, EACH = 4, 5, 250
TOTAL = PROCESSES * WRITERS * EACH


def database_url() -> str:
    """Of the database that these tests run on."""
    given = connection.settings_dict
    password = f":{given['PASSWORD']}" if given["PASSWORD"] else ""
    return f"postgres://{given['USER']}{password}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def write_everything(chat_id: int, person_ids: list[int]) -> None:
    env = environment(database_url(), settings.REDIS_URL)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.writer", str(chat_id), str(EACH), *map(str, own)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for own in (person_ids[n::PROCESSES] for n in range(PROCESSES))
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=120 * PATIENCE)
        assert process.returncode == 0, errors


@pytest.mark.postgresql
class TestTwentyWritersInFourProcesses:
    async def test_leave_no_hole_no_double_and_one_order(self, connect, settings):
        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0

        def make():
            members = people.make_people(*["writer"] * (PROCESSES * WRITERS))
            return members, people.make_group(members[0], *members[1:])

        members, chat = await in_thread(make)
        followers = [Follower(await connect(who), chat.pk) for who in members[:3]]
        reading = [asyncio.create_task(each.has_all(TOTAL, seconds=60)) for each in followers]
        await in_thread(write_everything, chat.pk, [member.pk for member in members])

        rows = await in_thread(
            lambda: list(
                Message.objects.filter(chat=chat)
                .order_by("seq")
                .values_list("seq", "revision", "content")
            )
        )
        assert [row[0] for row in rows] == [row[1] for row in rows] == list(range(1, TOTAL + 1))
        texts = {row[2] for row in rows}
        assert texts == {f"{member.pk}:{n}" for member in members for n in range(EACH)}
        for member in members:
            own = [row[2] for row in rows if row[2].startswith(f"{member.pk}:")]
            assert own == [f"{member.pk}:{n}" for n in range(EACH)]

        events = await in_thread(
            lambda: list(people.message_events().values_list("payload", flat=True))
        )
        assert [json.loads(payload)["seq"] for payload in events] == list(range(1, TOTAL + 1))

        await asyncio.gather(*reading)
        for follower in followers:
            assert follower.arrivals == list(range(1, TOTAL + 1))
            assert follower.texts == {row[0]: row[2] for row in rows}
