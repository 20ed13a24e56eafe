"""One round: people talk in chats of their own, faults come and go, all heals, all is judged."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

from bench.chaos import faults
from bench.chaos.checker import violations
from bench.chaos.checks.violations import Violation
from bench.chaos.evidence import Marks, read_records, read_stored
from bench.chaos.history import Evidence, History, Removal
from bench.chaos.person import Person
from bench.chaos.plan import Fault, Round
from bench.chaos.settling import Settling
from bench.chaos.system import System
from tests.support.crowd import Room
from tests.support.processes import PATIENCE

SETTLING_SECONDS = 120.0
NOT_SETTLED, ENDED = "not settled", "ended by itself"
# How long after a removal words may come: promised is a second, on a machine that is not busy.
AT_ONCE, WITHOUT_REDIS = 1.0 * PATIENCE, 60.0
TOKEN = "c" * 32  # of a form: the cookie and the header say the same


@dataclass
class Outcome:
    round: Round
    messages: int = 0
    copies: int = 0
    seconds: float = 0.0
    recovery_seconds: float | None = None
    removal_seconds: float = 0.0  # between a removal and the latest words that came after it
    left_out: list[str] = field(default_factory=list)  # faults that this machine cannot do
    violations: list[Violation] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)


class Playing:
    """`rate`: messages a second, of all people together."""

    def __init__(
        self, system: System, plan: Round, rooms: Sequence[Room], *, rate: float, seed: int
    ) -> None:
        self.system, self.plan, self.rate = system, plan, rate
        self.history, self.outcome = History(), Outcome(plan)
        self.chance = random.Random(f"{seed}/{plan.number}")
        addresses = [web.ws_url for web in system.webs]
        self.rooms = [
            [Person(each, addresses, self.history, self._chance()) for each in room]
            for room in rooms
        ]
        self.people = [each for room in self.rooms for each in room]
        self.chat_ids = [room[0].chat_id for room in self.rooms]

    def _chance(self) -> random.Random:
        return random.Random(self.chance.getrandbits(64))

    async def play(self, marks: Marks) -> Outcome:
        began = time.monotonic()
        for person in self.people:
            person.come()
        try:
            settling = Settling(self.system, self.people, marks.event_id)
            await self._everyone_is_here()
            healed_at = await self._trouble()
            settled_at = await settling.within(SETTLING_SECONDS)
            if settled_at is None:
                self._violates(NOT_SETTLED, ", ".join(settling.lacks))
            else:
                self.outcome.recovery_seconds = max(0.0, settled_at - healed_at)
            self.history.screens += [person.show() for person in self.people]
        finally:
            for person in self.people:
                await person.leave()
        await asyncio.to_thread(self._judge, marks)
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _everyone_is_here(self) -> None:
        async with asyncio.timeout(SETTLING_SECONDS):
            for person in self.people:
                await person.has_come.wait()

    async def _trouble(self) -> float:
        """Returns when all was well again."""
        talking = asyncio.create_task(self._talk())
        removing = asyncio.create_task(self._remove_somebody())
        try:
            faults = map(self._happen, self.plan.faults)
            await asyncio.gather(asyncio.sleep(self.plan.seconds), *faults)
            healed_at = time.monotonic()
            await asyncio.sleep(1)
        finally:
            talking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await talking
        await removing
        return healed_at

    async def _talk(self) -> None:
        began = time.monotonic()
        in_turn = cycle(self._chance().sample(self.people, len(self.people)))
        for done, person in enumerate(in_turn, 1):
            person.act()
            if done % 200 == 0:
                person.ask_for_another_chat(self._not_of(person))
            await asyncio.sleep(max(0.0, began + done / self.rate - time.monotonic()))

    def _not_of(self, person: Person) -> int:
        return next(one for one in self.chat_ids if one != person.chat_id)

    async def _happen(self, fault: Fault) -> None:
        context = faults.context(self.system, fault, self.chat_ids)
        if context is None:
            self.outcome.left_out.append(fault.kind)
            return
        await asyncio.sleep(fault.after)
        await asyncio.to_thread(context.__enter__)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)

    async def _remove_somebody(self) -> None:
        """The owner of the first chat sends its last member out, until that is answered."""
        await asyncio.sleep(self.plan.removal_after)
        owner, removed = self.rooms[0][0], self.rooms[0][-1]
        for web in cycle(self.system.webs):
            path = f"{web.url}/api/chats/{owner.chat_id}/members/{removed.id}"
            if await asyncio.to_thread(delete, path, owner.cookie):
                break
            await asyncio.sleep(0.3)
        self.history.removals.append(Removal(time.monotonic(), removed.id, removed.chat_id))

    def _judge(self, marks: Marks) -> None:
        for name, process in self.system.programs().items():
            if not process.is_running():
                self._violates(ENDED, f"{name}:\n{process.log_end(5)}")
                process.start()
        evidence = self.outcome.evidence = Evidence(
            self.history,
            read_stored(self.system.direct_url, self.chat_ids, marks),
            read_records(self.system.brokers, marks),
            mercy_seconds=WITHOUT_REDIS if self.plan.hits_redis else AT_ONCE,
        )
        self.outcome.violations += violations(evidence)
        self.outcome.messages = len(evidence.stored.messages)
        self.outcome.copies = len(self.history.seen)

        self.outcome.removal_seconds = latest_words(evidence)

    def _violates(self, kind: str, words: str) -> None:
        self.outcome.violations.append(Violation(kind, words))


def latest_words(evidence: Evidence) -> float:
    """How long after a removal something was written that came to whoever was removed."""
    removed = {(one.person, one.chat_id): one.at for one in evidence.history.removals}
    sends: dict[str, float] = {}
    for one in evidence.history.tries:
        sends.setdefault(one.client_message_id, one.at)
    late = [
        sends.get(seen.message.client_message_id, 0.0) - removed[seen.person, seen.message.chat_id]
        for seen in evidence.history.seen
        if (seen.person, seen.message.chat_id) in removed
    ]
    return max(late, default=0.0)


def delete(url: str, cookie: str) -> bool:
    """Whether it is done: also when it was done before, and the answer was lost."""
    origin = url.partition("/api/")[0]
    headers = {
        "Cookie": f"{cookie}; csrftoken={TOKEN}",
        "X-CSRFToken": TOKEN,
        "Origin": origin,
    }
    request = urllib.request.Request(url, method="DELETE", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return bool(answer.status < 300)
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        return False
