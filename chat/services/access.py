"""Who may do what. "Not yours" and "not there" are one answer: NotFoundError."""

from __future__ import annotations

from chat.errors import ForbiddenError, NotFoundError
from chat.models import Chat, Membership, Message, User

# PostgreSQL's bigint; a larger id cannot be asked of the database.
LARGEST_ID = 2**63 - 1


def known_id(row_id: int) -> int:
    """An id as an address has it. Raises NotFoundError when no row can have it."""
    if not 0 < row_id <= LARGEST_ID:
        raise NotFoundError
    return row_id


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


def lock_chat(chat_id: int) -> Chat:
    """The chat's row, locked until the transaction ends. See Note [Order within a chat]."""
    chat = Chat.objects.locked_in_order().filter(pk=chat_id).first()
    if chat is None:
        raise NotFoundError
    return chat


def message_for(user: User, message_id: int) -> tuple[Message, Membership]:
    """A message in one of the person's chats, its chat locked. Raises NotFoundError."""
    chat_id = Message.objects.filter(pk=message_id).values_list("chat_id", flat=True).first()
    if chat_id is None:
        raise NotFoundError
    lock_chat(chat_id)
    membership = membership_of(user, chat_id)
    messages = Message.objects.select_related("sender", "reply_to__sender")
    message = messages.prefetch_related("attachments").get(pk=message_id)
    return message, membership
