"""Finding messages by their words, in the chats that a person is in now; newest first, in pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from chat.models import Chat, Membership, Message, User
from chat.models.messages import MessageQuerySet
from chat.reads.summaries import active_chat_ids
from chat.search import fulltext, scanning
from chat.search.excerpts import excerpt_around
from chat.search.found import Scope
from chat.search.words import parse_query
from chat.services.access import membership_of
from chat.wire.payloads import Payload, sender_payload, timestamp

PAGE_RESULTS = 20


@dataclass(frozen=True, slots=True)
class Search:
    words: str
    chat_id: int | None = None
    sender_id: int | None = None
    # Only messages with a smaller id; None: from the newest on.
    before_id: int | None = None


def search_messages(user: User, search: Search) -> Payload:
    """A page of what was found, and `before`: where the next one begins, null at the end.

    Raises EmptyTextError, TooLongError or BadTextError for words that cannot be searched for,
    NotFoundError for a chat that the person is not in, UnavailableError when it takes too long.
    """
    terms = parse_query(search.words)
    if search.chat_id is not None:
        membership_of(user, search.chat_id)
    chat_ids = active_chat_ids(user) if search.chat_id is None else [search.chat_id]
    if not chat_ids:
        return {"results": [], "before": None}
    engine = fulltext if connection.vendor == "postgresql" else scanning
    scope = Scope(chat_ids, search.sender_id, search.before_id)
    found = engine.find(_readable(user, search), terms, scope=scope, limit=PAGE_RESULTS)
    titles = _titles(user, [message.chat for message in found.messages])
    results = [
        {
            "chat": {"id": message.chat_id, "title": titles[message.chat_id]},
            "message_id": message.pk,
            "seq": message.seq,
            "sender": sender_payload(message.sender),
            "created_at": timestamp(message.created_at),
            **excerpt_around(message.content, hits),
        }
        for message, hits in zip(found.messages, found.hits, strict=True)
    ]
    return {"results": results, "before": found.before_id}


def _readable(user: User, search: Search) -> MessageQuerySet:
    messages = Message.objects.visible_to(user).readable()
    if search.chat_id is not None:
        messages = messages.filter(chat_id=search.chat_id)
    if search.sender_id is not None:
        messages = messages.filter(sender_id=search.sender_id)
    if search.before_id is not None:
        messages = messages.filter(pk__lt=search.before_id)
    return messages.select_related("sender", "chat").order_by("-pk")


def _titles(user: User, chats: Iterable[Chat]) -> dict[int, str]:
    """A direct chat is called after the other one."""
    titles = {chat.pk: chat.title for chat in chats}
    direct = [chat.pk for chat in chats if chat.is_direct]
    others = Membership.objects.filter(chat_id__in=direct).exclude(user=user)
    return titles | {member.chat_id: member.user.name for member in others.select_related("user")}
