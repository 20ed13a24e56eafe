"""Accounts."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from chat.content.names import check_name, check_not_reserved, check_username
from chat.errors import ConflictError
from chat.events.facts import record_fact
from chat.events.hub_commands import HubCommand, announce
from chat.models import User
from chat.models.people import TAKEN


def create_person(
    *, username: str, password: str, display_name: str = "", language: str = ""
) -> User:
    """Raises ChatError for a name that is not allowed, ConflictError for one that is taken."""
    check_not_reserved(check_username(username))
    shown = check_own_name(display_name)
    try:
        with transaction.atomic():
            return User.objects.create_user(
                username=username, password=password, display_name=shown, language=language
            )
    except ValidationError as error:
        raise ConflictError(" ".join(error.messages)) from error
    except IntegrityError as error:
        # Somebody took it, or one that looks like it, between the check and now.
        raise ConflictError(TAKEN) from error


def check_own_name(typed: str, *, user: User | None = None) -> str:
    """A display name; "": the username is shown. Raises ChatError.

    A name older than the rules may stay. Staff may use names reserved for the chat.
    """
    if not typed.strip() or (user and typed == user.display_name):
        return typed.strip()
    name = check_name(typed)
    if not (user and user.is_staff):
        check_not_reserved(name)
    return name


def recheck_sessions(user: User) -> None:
    """Makes this person's open sockets prove their session: after a ban or a new password."""
    announce([HubCommand.recheck(user.pk)])


def change_profile(*, user: User, display_name: str) -> None:
    """Changes how others see a person. Open pages show the new name when they reload.

    Raises ChatError.
    """
    user.display_name = check_own_name(display_name, user=user)
    user.save(update_fields=["display_name"])


def change_language(*, user: User, language: str) -> None:
    user.language = language
    user.save(update_fields=["language"])


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """One that was checked. Sessions end with it, but for one that is told (Django's
    `update_session_auth_hash`)."""
    user.set_password(password)
    user.save(update_fields=["password"])
    record_fact("password.changed", actor=user, target=("person", user.pk))


def note_export(user: User) -> None:
    """A download of all that somebody wrote is written down."""
    record_fact("account.exported", actor=user, target=("person", user.pk))


@transaction.atomic
def change_privacy(*, user: User, shares_reading: bool, shares_presence: bool) -> None:
    """People who hide something do not see it of others; open sockets follow at once."""
    user.shares_reading, user.shares_presence = shares_reading, shares_presence
    user.save(update_fields=["shares_reading", "shares_presence"])
    if not shares_presence:
        announce([HubCommand.absent(user.pk)])
