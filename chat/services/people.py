"""Accounts."""

from __future__ import annotations

from django.db import transaction

from chat.fanout import HubEvent, announce
from chat.models import User


@transaction.atomic
def create_person(
    *, username: str, password: str, display_name: str = "", language: str = ""
) -> User:
    return User.objects.create_user(
        username=username, password=password, display_name=display_name, language=language
    )


def recheck_sessions(user: User) -> None:
    """Makes this person's open sockets prove their session: after a ban or a new password."""
    announce([HubEvent.recheck(user.pk)])


def change_profile(*, user: User, display_name: str, language: str) -> None:
    """What a person decides about themselves. Open pages show another name when they load again."""
    user.display_name, user.language = display_name, language
    user.save(update_fields=["display_name", "language"])
