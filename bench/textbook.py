#!/usr/bin/env python3
"""The chat of the Channels tutorial, with its messages saved: what the comparison measures against.

A channel and a group membership for each socket, one INSERT and one group_send for each message.
Needs DATABASE_URL (PostgreSQL) and REDIS_URL, as the real one does.

    bench/textbook.py migrate && cd bench && daphne -v 0 -p 8101 textbook:application

A room's address is ws://127.0.0.1:8101/ws/ROOM; both ways a frame is {"content": "…"}.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import dj_database_url
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-a-load-test",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["daphne", "channels"],
    DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=600)},
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # The capacity is raised: with 100 it would lose copies and be quicker for it.
            "CONFIG": {
                "hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": 20}],
                "capacity": 10_000,
            },
        }
    },
    USE_TZ=True,
)
django.setup()

from channels.db import database_sync_to_async  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402


class TextbookMessage(models.Model):
    room = models.CharField(max_length=64, db_index=True)
    content = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "textbook"

    def __str__(self) -> str:
        return self.content


class TextbookConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.group = "room_" + self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str = "", **_: Any) -> None:
        content = json.loads(text_data)["content"]
        saved = await self.save(content)
        event = {"type": "room.message", "id": saved.pk, "content": content}
        await self.channel_layer.group_send(self.group, event)

    async def room_message(self, event: dict[str, Any]) -> None:
        frame = {"id": event["id"], "content": event["content"]}
        await self.send(text_data=json.dumps(frame))

    @database_sync_to_async
    def save(self, content: str) -> TextbookMessage:
        saved = TextbookMessage(room=self.group, content=content)
        saved.save()
        return saved


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/<slug:room>", TextbookConsumer.as_asgi())]),
    }
)


def migrate() -> None:
    with connection.schema_editor() as editor:
        if TextbookMessage._meta.db_table in connection.introspection.table_names():
            editor.delete_model(TextbookMessage)
        editor.create_model(TextbookMessage)


if __name__ == "__main__" and sys.argv[1:] == ["migrate"]:
    migrate()
