"""The search."""

from __future__ import annotations

from chat.limits.doors import under
from chat.limits.table import SEARCHES
from chat.models import User
from chat.search import Search, search_messages
from chat.wire.fields import Fields
from chat.wire.payloads import Payload


@under(SEARCHES)
def search(user: User, fields: Fields) -> Payload:
    wanted = Search(
        words=fields.text("q"),
        chat_id=fields.optional_id("chat"),
        sender_id=fields.optional_id("from"),
        before_id=fields.optional_id("before"),
    )
    return search_messages(user, wanted)
