"""What a web process says of itself every few seconds: `WebProcess`; and once a minute how things
stand: `MinuteFigures`. Nothing waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from django.utils import timezone

from chat.database.threads import DATABASE_AWAY, DatabaseThreads
from chat.live.hub.hub import Hub
from chat.live.poster import Poster
from chat.models import WebProcess
from chat.services.figures import record_minute
from messaging.process_report import REPORT_SECONDS, ProcessReport

logger = logging.getLogger(__name__)

LAST_WORD_SECONDS: Final = 1.0


class WebReport:
    def __init__(self, hub: Hub, poster: Poster, threads: DatabaseThreads) -> None:
        self._hub = hub
        self._poster = poster
        self._threads = threads
        self._report = ProcessReport(WebProcess, "web")
        self._task: asyncio.Task[None] | None = None
        self._minute = timezone.now().minute  # the last one that was written down

    def start(self) -> None:
        self._task = asyncio.create_task(self._tell_forever(), name="report")

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await asyncio.wait_for(self._threads.run(self._report.stop), LAST_WORD_SECONDS)
        except (TimeoutError, DATABASE_AWAY):
            return

    async def _tell_forever(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            try:
                await self._threads.run(self._tell)
            except DATABASE_AWAY:
                continue  # others say so
            except Exception as error:  # noqa: BLE001  it survives any error
                logger.debug("not reported", extra={"error": type(error).__name__})

    def _tell(self) -> None:
        self._tell_of_oneself()
        now = timezone.now()
        if now.minute != self._minute:
            self._minute = now.minute
            record_minute(now)

    def _tell_of_oneself(self) -> None:
        people = list(self._hub.people.values())
        self._report.tell(
            done=self._poster.taken,
            sockets=sum(map(len, people)),
            people=len(people),
        )
