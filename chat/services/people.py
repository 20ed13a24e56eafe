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


def change_profile(*, user: User, display_name: str) -> None:
    """How others see a person. Open pages show another name when they load again."""
    user.display_name = display_name
    user.save(update_fields=["display_name"])


def change_language(*, user: User, language: str) -> None:
    user.language = language
    user.save(update_fields=["language"])


@transaction.atomic
def change_privacy(*, user: User, shares_reading: bool, shares_presence: bool) -> None:
    """Who keeps something to themselves is not shown it of others; open sockets follow at once."""
    user.shares_reading, user.shares_presence = shares_reading, shares_presence
    user.save(update_fields=["shares_reading", "shares_presence"])
    if not shares_presence:
        announce([HubEvent.absent(user.pk)])
