"""The HTTP route of the search."""

from __future__ import annotations

from django.urls import path

from chat import tries
from chat.errors import TooManyError
from chat.http import route
from chat.models import User
from chat.payloads import Payload
from chat.protocol import Frame
from chat.search import Search, search_messages

# One for each pause in typing is far less.
SEARCHES = 60
WINDOW_SECONDS = 60


def search(user: User, fields: Frame) -> Payload:
    wanted = Search(
        words=fields.text("q"),
        chat_id=fields.optional_id("chat"),
        sender_id=fields.optional_id("from"),
        before_id=fields.optional_id("before"),
    )
    key = tries.key_of("search", str(user.pk))
    if seconds := tries.wait_seconds(key, most=SEARCHES, window_seconds=WINDOW_SECONDS):
        raise TooManyError(retry_after=seconds)
    return search_messages(user, wanted)


urlpatterns = [path("search", route(get=search))]
