"""Where a person is signed in: one row per session, to be listed and ended by its owner.

The session itself decides whether somebody is signed in; a row without one is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from chat.addresses import client_address
from chat.errors import NotFoundError
from chat.events.facts import record_fact
from chat.models import SignIn, User
from chat.models.sign_ins import USER_AGENT_LENGTH

# How old "last seen" may be: a visit within this time writes nothing.
SEEN_EVERY = timedelta(minutes=20)


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Sign-ins with a live session, the most recently seen first."""
    return user.sign_ins.filter(session_key__in=_living_keys()).order_by("-seen_at", "-pk")


@receiver(user_logged_in)
def note_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Also for a session older than this list."""
    if request.session.session_key is None:
        request.session.save()
    with transaction.atomic():
        user.sign_ins.exclude(session_key__in=_living_keys()).delete()
        SignIn.objects.update_or_create(
            session_key=request.session.session_key,
            defaults={
                "user": user,
                "seen_at": timezone.now(),
                "address": client_address(request) or None,
                "user_agent": request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH],
            },
        )


@receiver(user_logged_out)
def forget_sign_in(request: HttpRequest, **kwargs: Any) -> None:
    SignIn.objects.filter(session_key=request.session.session_key or "").delete()


def see_sign_ins(session_keys: Collection[str]) -> None:
    """These sessions are in use: "last seen" moves forward, now and then."""
    long_ago = timezone.now() - SEEN_EVERY
    SignIn.objects.filter(session_key__in=session_keys, seen_at__lt=long_ago).update(
        seen_at=timezone.now()
    )


@transaction.atomic
def end_sign_in(*, user: User, sign_in_id: int) -> None:
    """Signs the person out there; open sockets close at once. Raises NotFoundError."""
    sign_in = user.sign_ins.filter(pk=sign_in_id).first()
    if sign_in is None:
        raise NotFoundError
    _end(user, [sign_in.session_key])


@transaction.atomic
def end_sign_ins(*, user: User, except_key: str | None = None) -> int:
    """Signs the person out everywhere except in the session `except_key`; returns how many."""
    keys = user.sign_ins.exclude(session_key=except_key or "").values_list("session_key", flat=True)
    return _end(user, list(keys))


def move_sign_in(*, old_key: str | None, new_key: str | None) -> None:
    """The session got a new key and is still the same sign-in."""
    SignIn.objects.filter(session_key=old_key or "").update(session_key=new_key or "")


def _end(user: User, session_keys: Iterable[str]) -> int:
    keys = list(session_keys)
    if not keys:
        return 0
    # One by one, for the signal that tells the sockets (chat.events.rechecks).
    for session in Session.objects.filter(session_key__in=keys):
        session.delete()
    SignIn.objects.filter(session_key__in=keys).delete()
    record_fact(
        "sign_in.ended", actor=user, target=("person", user.pk), details={"count": len(keys)}
    )
    return len(keys)


def _living_keys() -> QuerySet[Session, str]:
    living = Session.objects.filter(expire_date__gt=timezone.now())
    return living.values_list("session_key", flat=True)
