"""Whether an open socket's sign-in still holds, and who must prove it again.

`scope["user"]` is read once, at connect. Signing out, a ban or a new password reaches open sockets
by an event; where the event was lost, the watch finds it within a minute.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chat.fanout import HubEvent, announce
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


@receiver(user_logged_out)
def recheck_after_sign_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        announce([HubEvent.recheck(user.pk)])


@receiver(post_save, sender=User)
def recheck_after_change(
    instance: User, created: bool, update_fields: Collection[str] | None = None, **kwargs: Any
) -> None:
    """A new password or a ban; a sign-in elsewhere (`last_login`) is none."""
    if not created and set(update_fields or ()) != {"last_login"}:
        announce([HubEvent.recheck(instance.pk)])


@receiver(post_delete, sender=Session)
def recheck_after_session_end(instance: Session, **kwargs: Any) -> None:
    """A session ended from elsewhere ("sign out everywhere", an admin)."""
    user_id = instance.get_decoded().get(SESSION_KEY)
    if user_id and user_id.isdigit():
        announce([HubEvent.recheck(int(user_id))])
