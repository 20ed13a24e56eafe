"""Links that let anyone who has them join a chat: created and revoked by those who manage it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from chat.errors import BadRequestError, NotFoundError
from chat.events.facts import record_fact
from chat.limits.kept import check_room
from chat.limits.table import INVITES_OF_CHAT
from chat.models import Chat, Invite, Membership, User
from chat.services.access import locked_for, managing_membership_of
from chat.services.chats.memberships import admit

TOKEN_BYTES = 32
MIN_SECONDS, MAX_SECONDS = 60, 366 * 24 * 3600
MAX_USES = 10_000


@transaction.atomic
def create_invite(
    *, actor: User, chat_id: int, seconds: int | None = None, most_uses: int | None = None
) -> Invite:
    """Creates a link limited in time and number of people; None: no limit."""
    if seconds is not None and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise BadRequestError.of("seconds", f"{MIN_SECONDS}–{MAX_SECONDS}")
    if most_uses is not None and not 1 <= most_uses <= MAX_USES:
        raise BadRequestError.of("most_uses", f"1–{MAX_USES}")
    chat, _own = locked_for(actor, chat_id, managing_membership_of)
    now = timezone.now()
    check_room(INVITES_OF_CHAT, Invite.objects.working(now).filter(chat=chat).count())
    invite = Invite.objects.create(
        token=secrets.token_urlsafe(TOKEN_BYTES),
        chat=chat,
        created_by=actor,
        created_at=now,
        expires_at=None if seconds is None else now + timedelta(seconds=seconds),
        most_uses=most_uses,
    )
    _record("created", invite, actor, seconds=seconds, most_uses=most_uses)
    return invite


@transaction.atomic
def revoke_invite(*, actor: User, chat_id: int, invite_id: int) -> None:
    """Idempotent."""
    locked_for(actor, chat_id, managing_membership_of)
    invite = Invite.objects.filter(pk=invite_id, chat_id=chat_id).first()
    if invite is None:
        raise NotFoundError
    if invite.revoked_at is None:
        invite.revoked_at = timezone.now()
        invite.save(update_fields=["revoked_at"])
        _record("revoked", invite, actor)


@transaction.atomic
def use_invite(*, user: User, token: str) -> Chat:
    """Joins the chat. A person who is already in it, or who is refused, does not use up the link.

    Raises NotFoundError, ConflictError when the group is full, ForbiddenError for the removed.
    """
    chat_id = Invite.objects.filter(token=token).values_list("chat_id", flat=True).first()
    if chat_id is None or not user.is_active:
        raise NotFoundError
    # Everyone who uses or revokes a link of this chat waits here: only one person gets the last
    # use.
    chat, invite = locked_for(user, chat_id, partial(_invite_for, token=token))
    if invite is None:
        return chat
    admit(chat, user)
    invite.uses += 1
    invite.save(update_fields=["uses"])
    _record("used", invite, user)
    return chat


def _invite_for(user: User, chat_id: int, *, token: str) -> Invite | None:
    """None for a person who is already in the chat. Raises NotFoundError for a link that does not
    work."""
    if Membership.objects.active().filter(chat_id=chat_id, user=user).exists():
        return None
    invite = Invite.objects.working(timezone.now()).filter(token=token).first()
    if invite is None:
        raise NotFoundError
    return invite


def _record(action: str, invite: Invite, actor: User, **details: int | None) -> None:
    target = ("invite", invite.pk)
    record_fact(
        f"invite.{action}", actor=actor, chat_id=invite.chat_id, target=target, details=details
    )
