"""Whether an open socket's sign-in still holds, and which chats its person is in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chat.models import Membership, User


class OpenSession(NamedTuple):
    user_id: int
    session_key: str


def holding(open_sessions: Collection[OpenSession]) -> set[OpenSession]:
    """Those whose session lives, whose person is active and has the same password still."""
    sessions = Session.objects.filter(
        session_key__in={s.session_key for s in open_sessions}, expire_date__gt=timezone.now()
    ).in_bulk(field_name="session_key")
    people = User.objects.filter(is_active=True).in_bulk({s.user_id for s in open_sessions})
    return {
        one
        for one in open_sessions
        if (session := sessions.get(one.session_key))
        and (person := people.get(one.user_id))
        and _is_of(session.get_decoded(), person)
    }


def chats_of(user_ids: Collection[int]) -> dict[int, set[int]]:
    """Each person's active chats."""
    chats: dict[int, set[int]] = {user_id: set() for user_id in user_ids}
    active = Membership.objects.active().filter(user_id__in=user_ids)
    for user_id, chat_id in active.values_list("user_id", "chat_id"):
        chats[user_id].add(chat_id)
    return chats


def _is_of(session: dict[str, Any], person: User) -> bool:
    return session.get(SESSION_KEY) == str(person.pk) and constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash()
    )
