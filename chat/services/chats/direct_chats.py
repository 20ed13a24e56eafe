"""Whether a direct chat accepts messages: stored on its row, so posting needs no query for it."""

from __future__ import annotations

from django.db.models import Exists, OuterRef
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chat.errors import ForbiddenError
from chat.models import Block, Chat, Membership, User
from chat.models.chats import ChatQuerySet, direct_key


def settle_direct_chat(one_id: int, other_id: int) -> Chat | None:
    """The direct chat of two people, if any, locked, and closed or open as it should be now."""
    _settle(Chat.objects.filter(direct_key=direct_key(one_id, other_id)))
    return Chat.objects.filter(direct_key=direct_key(one_id, other_id)).first()


def settle_direct_chats_of(person: User) -> None:
    """All direct chats of a person: after their account has gone or come back."""
    _settle(Chat.objects.direct_of(person))


def check_may_write(chat: Chat, user_id: int) -> None:
    """The caller holds the chat's lock. Raises ForbiddenError."""
    if chat.is_closed:
        raise ForbiddenError(_why_closed(chat, user_id))


def _settle(chats: ChatQuerySet) -> None:
    """Runs in the caller's transaction; the chats are locked in id order until it ends."""
    locked = Chat.objects.locked_in_order().filter(pk__in=chats.values("pk"))
    ids = list(locked.values_list("pk", flat=True))
    # Read only now, when no other writer can change it.
    closed = set(_to_be_closed(Chat.objects.filter(pk__in=ids)).values_list("pk", flat=True))
    rows = Chat.objects.filter(pk__in=ids)
    rows.filter(pk__in=closed, is_closed=False).update(is_closed=True)
    rows.exclude(pk__in=closed).filter(is_closed=True).update(is_closed=False)


def _to_be_closed(chats: ChatQuerySet) -> ChatQuerySet:
    gone = Membership.objects.filter(chat=OuterRef("pk"), user__is_active=False)
    kept_apart = Block.objects.filter(
        blocker__memberships__chat=OuterRef("pk"), blocked__memberships__chat=OuterRef("pk")
    )
    return chats.filter(Exists(gone) | Exists(kept_apart))


def _why_closed(chat: Chat, user_id: int) -> object:
    """Lazy: translated where the person's language is known.

    A blocked person gets the same answer as for a deleted account.
    """
    own = Block.objects.filter(blocker=user_id, blocked=chat.partner_of(user_id))
    block = own.select_related("blocked").first()
    if block is None:
        return _("You cannot write to this person.")
    return format_lazy(_("You have blocked {name}. Unblock to write."), name=block.blocked.name)
