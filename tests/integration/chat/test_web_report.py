"""A web process says that it lives, and how many people it serves."""

from __future__ import annotations

import pytest
from django.conf import settings

from chat.live import report
from chat.live.runtime import runtime, stop_runtime
from chat.models import WebProcess
from tests.integration.chat.conftest import in_thread, until_true
from tests.support import people

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(report, "REPORT_SECONDS", 0.05)


async def told() -> WebProcess | None:
    return await WebProcess.objects.afirst()


class TestAWebProcess:
    async def test_tells_of_its_sockets_and_people(self, connect, ann, bob):
        for person in (ann, ann, bob):
            await connect(person)

        async def is_told() -> bool:
            found = await told()
            return found is not None and (found.sockets, found.people) == (3, 2)

        await until_true(is_told)
        found = await told()
        assert found is not None
        assert found.version == settings.VERSION
        assert found.stopped_at is None

    async def test_counts_what_it_is_given_to_save(self, connect, ann):
        chat = await in_thread(people.make_group, ann)
        before = runtime().poster.taken
        await people.outcome_of(runtime().poster, people.new_post(chat, ann, "hello"))
        assert runtime().poster.taken == before + 1

    async def test_says_when_it_ends(self, connect, ann):
        await connect(ann)

        async def is_told() -> bool:
            return await told() is not None

        await until_true(is_told)
        await stop_runtime()
        found = await told()
        assert found is not None
        assert found.stopped_at
