"""Posts many messages in one transaction: one lock per chat, one insert for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content.text import check_content
from chat.errors import BadRequestError, ChatError, NotFoundError
from chat.models import Attachment, Message
from chat.services.chats.direct_chats import check_may_write
from chat.services.posting.pipelined_rows import pipelined_rows_of
from chat.services.posting.posts import Key, NewPost, Outcome, Posted
from chat.services.posting.rows import Rows, rows_of
from chat.signals import NO_ATTACHMENTS, messages_changed


def post_message(post: NewPost) -> Posted:
    """Posts one message. Raises what `post_messages` would have given as its outcome."""
    (outcome,) = post_messages([post])
    if isinstance(outcome, ChatError):
        raise outcome
    return outcome


def post_messages(posts: Sequence[NewPost]) -> list[Outcome]:
    """One outcome per post, in order: where it was saved, or why it was not.

    Everything that can be saved is saved in one transaction; a bad post does not hold back a good
    one. Sent again with the same `client_message_id`, a post gets its first message's outcome.
    """
    open_rows = pipelined_rows_of if connection.vendor == "postgresql" else rows_of
    with open_rows(posts) as rows:
        return _Batch(posts, rows).save()


class _Batch:
    """Reads everything that the posts need, one query for each kind, after the chats are locked."""

    def __init__(self, posts: Sequence[NewPost], rows: Rows) -> None:
        self.posts = posts
        self.rows = rows
        self.chats, self.senders, self.known = rows.chats, rows.senders, rows.known
        self.quoted = self._read_quoted()
        self.unsent = self._read_unsent()
        self.sent: list[Attachment] = []

    def save(self) -> list[Outcome]:
        refused: dict[int, ChatError] = {}
        fresh: dict[Key, Message] = {}
        now = timezone.now()
        for place, post in enumerate(self.posts):
            if post.key in self.known or post.key in fresh:
                if (post.chat_id, post.sender_id) not in self.senders:
                    refused[place] = NotFoundError()
                continue
            try:
                fresh[post.key] = self._new_message(post, now)
            except ChatError as error:
                refused[place] = error
        self._insert(list(fresh.values()), now)
        return self._outcomes(refused, fresh)

    def _outcomes(self, refused: dict[int, ChatError], fresh: dict[Key, Message]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        told = set(self.known)
        for place, post in enumerate(self.posts):
            if place in refused:
                outcomes.append(refused[place])
                continue
            message = self.known.get(post.key) or fresh[post.key]
            outcomes.append(_posted(message, duplicate=post.key in told))
            told.add(post.key)
        return outcomes

    def _new_message(self, post: NewPost, now: datetime) -> Message:
        sender = self.senders.get((post.chat_id, post.sender_id))
        if sender is None:
            raise NotFoundError
        check_may_write(self.chats[post.chat_id], post.sender_id)
        is_wordless = not post.content and bool(post.attachment_ids)
        content = "" if is_wordless else check_content(post.content)
        reply_to = None
        if post.reply_to_id is not None:
            reply_to = self.quoted.get(post.reply_to_id)
            if reply_to is None or reply_to.chat_id != post.chat_id:
                raise BadRequestError.of("reply_to", _("a message of this chat"))
        attachments = [self._unsent_of(post, pk) for pk in post.attachment_ids]
        chat = self.chats[post.chat_id]
        chat.last_seq += 1
        chat.revision += 1
        message = Message(
            chat_id=post.chat_id,
            seq=chat.last_seq,
            revision=chat.revision,
            sender=sender,
            client_message_id=post.client_message_id,
            content=content,
            created_at=now,
            reply_to=reply_to,
        )
        for place, attachment in enumerate(attachments):
            attachment.message, attachment.place = message, place
            self.sent.append(self.unsent.pop(attachment.pk))
        return message

    def _unsent_of(self, post: NewPost, attachment_id: UUID) -> Attachment:
        attachment = self.unsent.get(attachment_id)
        if (
            attachment is None
            or attachment.chat_id != post.chat_id
            or attachment.uploader_id != post.sender_id
        ):
            expected = _("files that you uploaded to this chat and have not sent yet")
            raise BadRequestError.of("attachments", expected)
        return attachment

    def _insert(self, messages: list[Message], now: datetime) -> None:
        if not messages:
            return
        self.rows.insert(messages, now)
        messages_changed.send(
            sender=Message,
            action="created",
            messages=messages,
            attachments=self._send_attachments() if self.sent else NO_ATTACHMENTS,
        )

    def _send_attachments(self) -> dict[int, list[Attachment]]:
        """By message id, now that messages have one."""
        by_message: dict[int, list[Attachment]] = defaultdict(list)
        for attachment in self.sent:
            assert attachment.message is not None
            attachment.message_id = attachment.message.pk
            by_message[attachment.message.pk].append(attachment)
        Attachment.objects.bulk_update(self.sent, ["message", "place"])
        return by_message

    def _read_quoted(self) -> dict[int, Message]:
        ids: Iterable[int] = {p.reply_to_id for p in self.posts if p.reply_to_id is not None}
        if not ids:
            return {}
        return Message.objects.select_related("sender").in_bulk(list(ids))

    def _read_unsent(self) -> dict[UUID, Attachment]:
        ids = {pk for post in self.posts for pk in post.attachment_ids}
        if not ids:
            return {}
        # Only the senders' own rows: nobody waits for, or holds, somebody else's.
        unsent = Attachment.objects.select_for_update().filter(
            message__isnull=True, uploader_id__in={post.sender_id for post in self.posts}
        )
        return unsent.in_bulk(list(ids))


def _posted(message: Message, *, duplicate: bool) -> Posted:
    return Posted(
        message_id=message.pk,
        chat_id=message.chat_id,
        seq=message.seq,
        revision=message.revision,
        created_at=message.created_at,
        duplicate=duplicate,
    )
