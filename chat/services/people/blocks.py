"""Blocking and unblocking people. The blocked person is told nothing and finds no trace of it."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from chat.errors import ConflictError, NotFoundError
from chat.events.facts import record_fact
from chat.events.hub_commands import HubCommand, announce
from chat.limits.kept import check_room
from chat.limits.table import BLOCKS
from chat.models import Block, User
from chat.services.access import lock_people
from chat.services.chats.direct_chats import settle_direct_chat


@transaction.atomic
def block_person(*, blocker: User, user_id: int) -> None:
    """From the commit on nothing passes between the two. Idempotent.

    Raises NotFoundError (also for an account that was deleted), ConflictError.
    """
    other = lock_people(blocker.pk, user_id).get(user_id)
    _check_may_block(blocker, other)
    if Block.objects.by(blocker).filter(blocked=user_id).exists():
        return
    check_room(BLOCKS, Block.objects.by(blocker).count())
    Block.objects.create(blocker=blocker, blocked_id=user_id)
    _follow(blocker, user_id, blocked=True)


@transaction.atomic
def unblock_person(*, blocker: User, user_id: int) -> None:
    """Idempotent; unblocking somebody who was never blocked changes nothing."""
    lock_people(blocker.pk, user_id)
    gone, _rows = Block.objects.by(blocker).filter(blocked=user_id).delete()
    if gone:
        _follow(blocker, user_id, blocked=False)


def forget_blocks_of(person: User) -> None:
    """On both sides: the account is deleted, in the caller's transaction."""
    Block.objects.touching([person.pk]).delete()


def _check_may_block(blocker: User, other: User | None) -> None:
    if other is None or other.deleted_at is not None:
        raise NotFoundError
    if other == blocker:
        raise ConflictError(_("You cannot block yourself."))
    if other.is_bot:
        raise ConflictError(_("A bot cannot be blocked. Ask an admin of the chat to remove it."))


def _follow(blocker: User, user_id: int, *, blocked: bool) -> None:
    """Updates the direct chat, the blocker's own pages, and both people's open sockets."""
    chat = settle_direct_chat(blocker.pk, user_id)
    line = {"type": "person.blocked", "user_id": user_id, "blocked": blocked}
    events = [HubCommand.to_person(blocker.pk, line)]
    if chat is not None:
        state = {"closed": chat.is_closed, "blocked": blocked}
        updated = {"type": "chat.updated", "chat_id": chat.pk, **state}
        events.append(HubCommand.to_person(blocker.pk, updated))
    announce([*events, HubCommand.recheck(blocker.pk), HubCommand.recheck(user_id)])
    action = "person.blocked" if blocked else "person.unblocked"
    record_fact(action, actor=blocker, target=("person", user_id))
