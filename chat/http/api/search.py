"""The HTTP route of the search."""

from __future__ import annotations

from django.urls import path

from chat.http.json import route
from chat.limits.doors import under
from chat.limits.table import SEARCHES
from chat.models import User
from chat.search import Search, search_messages
from chat.wire.payloads import Payload
from chat.wire.protocol import Frame


@under(SEARCHES)
def search(user: User, fields: Frame) -> Payload:
    wanted = Search(
        words=fields.text("q"),
        chat_id=fields.optional_id("chat"),
        sender_id=fields.optional_id("from"),
        before_id=fields.optional_id("before"),
    )
    return search_messages(user, wanted)


urlpatterns = [path("search", route(get=search))]
