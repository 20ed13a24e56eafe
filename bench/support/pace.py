"""Messages of a crowd at a steady pace, and how long their replies took."""

from __future__ import annotations

import asyncio
import time
from itertools import cycle

from tests.support.crowd import Crowd


async def steady(crowd: Crowd, rate: float, seconds: float) -> dict[str, float]:
    """`rate`: messages a second, from all together. Replies in milliseconds."""
    for member in crowd.members:
        member.reply_seconds.clear()
    began, members = time.monotonic(), cycle(crowd.members)
    for number in range(round(rate * seconds)):
        member = next(members)
        await member.send(member.chat_ids[0], f"message {number}")
        await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
    for member in crowd.members:
        await member.until(lambda member=member: member.on_the_way == 0)
    took = sorted(1000 * each for member in crowd.members for each in member.reply_seconds)
    return {
        "replies": len(took),
        "p50": round(took[len(took) // 2], 1),
        "p99": round(took[len(took) * 99 // 100], 1),
    }
