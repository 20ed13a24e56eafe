"""Who may do what. "Not yours" and "not there" get the same answer: NotFoundError.

# Note [Rights before locks]: whoever may not do something is told so before any row is locked. Who
# waits for a lock learns from it that there is something, and who holds one keeps others waiting.
# So `locked_for` looks twice: before, and under the lock, for what has changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.utils.translation import gettext as _

from chat.errors import ForbiddenError, NotFoundError
from chat.models import Block, Chat, Membership, Message, User


def membership_of(user: User, chat_id: int) -> Membership:
    """The person's active membership, with its chat. Raises NotFoundError."""
    membership = (
        Membership.objects.active()
        .select_related("chat")
        .filter(user=user, user__is_active=True, chat_id=chat_id)
        .first()
    )
    if membership is None:
        raise NotFoundError
    return membership


def managing_membership_of(user: User, chat_id: int) -> Membership:
    """Like `membership_of`; raises ForbiddenError for those who do not manage the chat."""
    membership = membership_of(user, chat_id)
    if not membership.may_manage or membership.chat.is_direct:
        raise ForbiddenError
    return membership


def open_chat_for(user: User, chat_id: int) -> Chat:
    """A chat that anyone may join. Raises NotFoundError."""
    chat = Chat.objects.open_to_all().filter(pk=chat_id).first()
    if chat is None or not user.is_active:
        raise NotFoundError
    return chat


def person_within_reach(actor: User, user_id: int) -> User:
    """Somebody whom the actor may write to or add to a chat by name. Raises NotFoundError.

    Somebody who has blocked the actor does not exist for the actor: the same answer after the same
    queries. An actor who has blocked the person is told so.
    """
    user = User.objects.filter(pk=user_id, is_active=True, is_bot=False).first()
    _check_not_apart(actor, user_id, user)
    if user is None:
        raise NotFoundError
    return user


def _check_not_apart(actor: User, user_id: int, user: User | None) -> None:
    blocks = Block.objects.between(actor.pk, user_id)
    blockers = set(blocks.values_list("blocker_id", flat=True))
    if user is not None and actor.pk in blockers:
        raise NotFoundError(
            _("You have blocked %(name)s. Unblock them first.") % {"name": user.name}
        )
    if blockers:
        raise NotFoundError


def lock_people(*user_ids: int) -> dict[int, User]:
    """Locks these people's rows, always in id order and before any chat's. Only the holder of both
    rows changes what is between two people.

    FOR NO KEY UPDATE: their messages can still be inserted meanwhile.
    """
    rows = User.objects.filter(pk__in=user_ids).order_by("pk").select_for_update(no_key=True)
    return {user.pk: user for user in rows}


def lock_chat(chat_id: int) -> Chat:
    """The chat's row, locked until the transaction ends. See Note [Order within a chat]."""
    chat = Chat.objects.locked_in_order().filter(pk=chat_id).first()
    if chat is None:
        raise NotFoundError
    return chat


def message_seen_by(user: User, message_id: int) -> Message:
    """A message in one of the person's chats, to be read. Raises NotFoundError."""
    message = Message.objects.visible_to(user).filter(pk=message_id).first()
    if message is None:
        raise NotFoundError
    return message


Found = TypeVar("Found")


def locked_for(user: User, chat_id: int, look: Callable[[User, int], Found]) -> tuple[Chat, Found]:
    """The chat's row, locked, and what `look` finds. `look` is a function of this module and raises
    the error to show to the person. See Note [Rights before locks]."""
    look(user, chat_id)
    return lock_chat(chat_id), look(user, chat_id)


def check_member(membership: Membership, sender_id: int) -> None:
    """Of any message of the chat."""


def check_sent(membership: Membership, sender_id: int) -> None:
    """Only the sender. Raises ForbiddenError."""
    if sender_id != membership.user_id:
        raise ForbiddenError


def check_may_delete(membership: Membership, sender_id: int) -> None:
    """The sender, and those who manage the chat. Raises ForbiddenError."""
    may_manage = membership.may_manage and not membership.chat.is_direct
    if sender_id != membership.user_id and not may_manage:
        raise ForbiddenError


def message_for(
    user: User, message_id: int, check: Callable[[Membership, int], None] = check_member
) -> Message:
    """A message in one of the person's chats, with its chat locked. Raises NotFoundError, and
    whatever `check` raises for the membership and the sender."""
    chat_id, sender_id = _place_of(user, message_id)

    def look(user: User, chat_id: int) -> None:
        check(membership_of(user, chat_id), sender_id)

    chat, _looked = locked_for(user, chat_id, look)
    messages = Message.objects.select_related("sender", "reply_to__sender")
    message = messages.prefetch_related("attachments").get(pk=message_id)
    message.chat = chat
    return message


def _place_of(user: User, message_id: int) -> tuple[int, int]:
    """Chat and sender, with one query: takes the same time whether the message exists or not."""
    found = Message.objects.visible_to(user).filter(pk=message_id)
    place = found.values_list("chat_id", "sender_id").first()
    if place is None:
        raise NotFoundError
    return place
