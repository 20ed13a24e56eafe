"""Edits, deletes and reactions. Each takes the chat's next revision."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content.reactions import check_reaction, qualified
from chat.content.text import check_content
from chat.errors import ConflictError, EmptyTextError
from chat.limits.kept import check_room
from chat.limits.table import REACTIONS_OF_MESSAGE, WORDINGS_KEPT
from chat.models import Attachment, Chat, Message, MessageEdit, Reaction, User
from chat.services.access import check_may_delete, check_sent, message_for
from chat.services.attachments import delete_attachments
from chat.services.chats.direct_chats import check_may_write
from chat.signals import messages_changed


@transaction.atomic
def edit_message(*, actor: User, message_id: int, content: str) -> int:
    """Changes the content of the actor's own message and keeps the earlier version; returns the
    revision."""
    if content:
        content = check_content(content)
    message = message_for(actor, message_id, check_sent)
    check_may_write(message.chat, actor.pk)
    if message.is_deleted:
        raise ConflictError(_("This message was deleted and cannot be edited."))
    if message.is_hidden:
        raise ConflictError(_("A moderator has hidden this message. It can only be deleted."))
    if not content and not message.attachments.all():
        raise EmptyTextError
    if message.content == content:
        return message.revision
    _keep_wording(message)
    message.content = content
    message.edited_at = timezone.now()
    message.save(update_fields=["content", "edited_at"])
    return message.revision


def _keep_wording(message: Message) -> None:
    """The version before the edit; the oldest ones make room."""
    MessageEdit.objects.create(message=message, content=message.content)
    if WORDINGS_KEPT.amount:
        kept = message.edits.order_by("-pk")
        first_gone = kept.values_list("pk", flat=True)[WORDINGS_KEPT.amount :][:1]
        for pk in first_gone:
            message.edits.filter(pk__lte=pk).delete()


@transaction.atomic
def delete_message(*, actor: User, message_id: int) -> int:
    """Deletes a message's text for good but keeps its place; returns the revision.

    The actor's own message, or any in a chat that the actor manages. Idempotent.
    """
    message = message_for(actor, message_id, check_may_delete)
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
    """Adds or removes the actor's reaction; returns the revision (the same if nothing changed).

    Anything that was once accepted as a reaction can be removed."""
    if on:
        emoji = check_reaction(emoji)
    message = message_for(actor, message_id)
    if on:
        check_may_write(message.chat, actor.pk)
    if message.is_deleted:
        raise ConflictError(_("This message was deleted."))
    if message.is_hidden:
        raise ConflictError(_("A moderator has hidden this message."))
    if not _change_reaction(message, actor, emoji, on=on):
        return message.revision
    # The present one: `message_for` has locked it.
    chat = Chat.objects.get(pk=message.chat_id)
    chat.revision += 1
    message.revision = chat.revision
    Chat.objects.filter(pk=chat.pk).update(revision=chat.revision)
    Message.objects.filter(pk=message.pk).update(revision=chat.revision)
    messages_changed.send(sender=Message, action="reacted", messages=[message])
    return message.revision


def _change_reaction(message: Message, actor: User, emoji: str, *, on: bool) -> bool:
    own = [row for row in message.reactions.filter(user=actor) if _is_same(row.emoji, emoji)]
    if not on:
        return _take_back(own, emoji)
    if own:
        return False
    kept = message.reactions.order_by().values_list("emoji", flat=True).distinct()
    kinds = set(map(qualified, kept))
    if emoji not in kinds:
        check_room(REACTIONS_OF_MESSAGE, len(kinds))
    Reaction.objects.create(message=message, user=actor, emoji=emoji)
    return True


def _is_same(kept: str, given: str) -> bool:
    return qualified(kept) == qualified(given)


def _take_back(own: list[Reaction], emoji: str) -> bool:
    if not own:
        check_reaction(emoji)
        return False
    Reaction.objects.filter(pk__in=[row.pk for row in own]).delete()
    return True
