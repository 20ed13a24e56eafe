"""Channels' layer on Redis, which takes all that waits for a process in one round trip."""

from __future__ import annotations

from typing import Any, Final

from channels_redis.core import RedisChannelLayer

# A round trip brings so many at most.
MAX_AT_ONCE: Final = 500


class RedisLayer(RedisChannelLayer):
    """channels_redis takes four round trips for each message. Relays, consumers and other web
    processes together send faster than that wherever Redis is some milliseconds away, and then all
    that is told to a process comes later and later: also that somebody was removed.

    What it has taken is not kept in Redis until it is read: hubs find what is lost by comparing
    revisions.
    """

    async def receive_single(self, channel: str) -> tuple[Any, dict[str, Any]]:
        """The newest of what waits; what is older is in the buffers, in order."""
        if not channel.endswith("!"):  # of no process
            single: tuple[Any, dict[str, Any]] = await super().receive_single(channel)
            return single
        members = await self._take(self.prefix + channel, self.consistent_hash(channel))
        *older, newest = map(self._addressed, members)
        for names, message in older:
            for name in names if isinstance(names, list) else [names]:
                self.receive_buffer[name].put_nowait(message)
        return newest

    async def _take(self, key: str, index: int) -> list[bytes]:
        """Waits until there is something."""
        connection = self.connection(index)
        while True:
            if waiting := await connection.zpopmin(key, MAX_AT_ONCE):
                return [member for member, _sent_at in waiting]
            if first := await connection.bzpopmin(key, timeout=self.brpop_timeout):
                return [first[1]]

    def _addressed(self, member: bytes) -> tuple[Any, dict[str, Any]]:
        """With the name, or the names, of the channels that it is for."""
        message: dict[str, Any] = self.deserialize(member)
        return message.pop("__asgi_channel__"), message
