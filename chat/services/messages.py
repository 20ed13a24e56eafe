"""Edits, deletes and reactions. Each takes the chat's next revision."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import ConflictError, EmptyTextError, ForbiddenError
from chat.models import Attachment, Chat, Message, MessageEdit, Reaction, User
from chat.services.access import lock_chat, message_for
from chat.services.attachments import delete_attachments
from chat.signals import messages_changed
from chat.text import check_content, check_reaction

MOST_REACTIONS = 20


@transaction.atomic
def edit_message(*, actor: User, message_id: int, content: str) -> int:
    """Gives one's own message another content, keeps the earlier one; returns the revision."""
    if content:
        content = check_content(content)
    message, _membership = message_for(actor, message_id)
    if message.sender_id != actor.pk:
        raise ForbiddenError
    if message.is_deleted:
        raise ConflictError(_("This message was deleted and cannot be edited."))
    if message.is_hidden:
        raise ConflictError(_("A moderator has hidden this message. It can only be deleted."))
    if not content and not message.attachments.all():
        raise EmptyTextError
    if message.content == content:
        return message.revision
    MessageEdit.objects.create(message=message, content=message.content)
    message.content = content
    message.edited_at = timezone.now()
    message.save(update_fields=["content", "edited_at"])
    return message.revision


@transaction.atomic
def delete_message(*, actor: User, message_id: int) -> int:
    """Takes a message's words away for good, its place stays; returns the revision.

    One's own, or in a chat that one manages. Done twice it is done once.
    """
    message, membership = message_for(actor, message_id)
    if message.sender_id != actor.pk and not (
        membership.may_manage and not membership.chat.is_direct
    ):
        raise ForbiddenError
    if message.is_deleted:
        return message.revision
    message.content = ""
    message.deleted_at = timezone.now()
    message.changed_by_id = actor.pk
    message.edits.all().delete()
    message.reactions.all().delete()
    delete_attachments(Attachment.objects.filter(message=message))
    message.save(update_fields=["content", "deleted_at"])
    return message.revision


@transaction.atomic
def set_reaction(*, actor: User, message_id: int, emoji: str, on: bool) -> int:
    """Puts or takes away one's reaction; returns the revision (the same if nothing changed)."""
    emoji = check_reaction(emoji)
    message, _membership = message_for(actor, message_id)
    if message.is_deleted:
        raise ConflictError(_("This message was deleted."))
    if message.is_hidden:
        raise ConflictError(_("A moderator has hidden this message."))
    if not _change_reaction(message, actor, emoji, on=on):
        return message.revision
    chat = lock_chat(message.chat_id)
    chat.revision += 1
    message.revision = chat.revision
    Chat.objects.filter(pk=chat.pk).update(revision=chat.revision)
    Message.objects.filter(pk=message.pk).update(revision=chat.revision)
    messages_changed.send(sender=Message, action="reacted", messages=[message])
    return message.revision


def _change_reaction(message: Message, actor: User, emoji: str, *, on: bool) -> bool:
    own = Reaction.objects.filter(message=message, user=actor, emoji=emoji)
    if not on:
        return own.delete()[0] > 0
    if own.exists():
        return False
    others = set(message.reactions.values_list("emoji", flat=True))
    if emoji not in others and len(others) >= MOST_REACTIONS:
        raise ConflictError(_("This message has as many different reactions as it can hold."))
    Reaction.objects.create(message=message, user=actor, emoji=emoji)
    return True
