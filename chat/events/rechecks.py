"""Who must prove again that their session holds.

`scope["user"]` is read once, at connect. Signing out, a ban or a new password reaches open sockets
through a hub command; if that is lost, the watch finds it within a minute.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from chat.events.hub_commands import HubCommand, announce
from chat.models import User


@receiver(user_logged_out)
def recheck_after_sign_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        announce([HubCommand.recheck(user.pk)])


@receiver(post_save, sender=User)
def recheck_after_change(
    instance: User, created: bool, update_fields: Collection[str] | None = None, **kwargs: Any
) -> None:
    """A new password or a ban; a sign-in elsewhere (`last_login`) does not count."""
    if not created and set(update_fields or ()) != {"last_login"}:
        announce([HubCommand.recheck(instance.pk)])


@receiver(post_delete, sender=Session)
def recheck_after_session_end(instance: Session, **kwargs: Any) -> None:
    """A session ended from elsewhere ("sign out everywhere", an admin)."""
    user_id = instance.get_decoded().get(SESSION_KEY)
    if user_id and user_id.isdigit():
        announce([HubCommand.recheck(int(user_id))])
