"""Whether an open socket's sign-in still holds, and which chats its person is in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import Any, Final, NamedTuple

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chat.models import Membership, User

# The backend by which a session's person is found by id, and only while active.
PLAIN: Final = "django.contrib.auth.backends.ModelBackend"


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


def signed_in(session_keys: Sequence[str]) -> list[User | None]:
    """By session, the person who is signed in by it. None where that is not plain: Django may
    still know a way (an older secret), and removes what has ended.
    """
    found = Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    sessions = {session.session_key: session.get_decoded() for session in found}
    ids = {int(session[SESSION_KEY]) for session in sessions.values() if _is_plain(session)}
    people = User.objects.filter(is_active=True).in_bulk(ids)
    return [_person_of(sessions.get(key, {}), people) for key in session_keys]


def chats_of(user_ids: Collection[int]) -> dict[int, set[int]]:
    """Each person's active chats."""
    chats: dict[int, set[int]] = {user_id: set() for user_id in user_ids}
    active = Membership.objects.active().filter(user_id__in=user_ids)
    for user_id, chat_id in active.values_list("user_id", "chat_id"):
        chats[user_id].add(chat_id)
    return chats


def _is_plain(session: dict[str, Any]) -> bool:
    return session.get(BACKEND_SESSION_KEY) == PLAIN and str(session.get(SESSION_KEY)).isdecimal()


def _person_of(session: dict[str, Any], people: dict[int, User]) -> User | None:
    person = people.get(int(session[SESSION_KEY])) if _is_plain(session) else None
    # Each socket's own, also where one person comes with two.
    return copy(person) if person is not None and _is_of(session, person) else None


def _is_of(session: dict[str, Any], person: User) -> bool:
    return session.get(SESSION_KEY) == str(person.pk) and constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash()
    )
