"""Messages: sent, changed, and read page by page. See Note [One function per request]."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chat.errors import BadRequestError
from chat.limits.doors import under
from chat.limits.table import DELETES, EDITS, MESSAGES, PAGES, REACTIONS, READS
from chat.models import User
from chat.reads import history
from chat.services import messages
from chat.services.access import membership_of, message_seen_by
from chat.services.posting.posting import post_message
from chat.services.posting.posts import MAX_ATTACHMENTS, NewPost, Posted
from chat.wire.fields import Fields
from chat.wire.payloads import Payload, timestamp


def new_post(user: User, fields: Fields) -> NewPost:
    return NewPost(
        chat_id=fields.id("chat_id"),
        sender_id=user.pk,
        client_message_id=fields.uuid("client_message_id"),
        content=fields.text("content"),
        reply_to_id=fields.optional_id("reply_to"),
        attachment_ids=fields.uuids("attachments", most=MAX_ATTACHMENTS),
    )


def posted_payload(posted: Posted) -> Payload:
    return {
        "message_id": posted.message_id,
        "seq": posted.seq,
        "revision": posted.revision,
        "created_at": timestamp(posted.created_at),
        "duplicate": posted.duplicate,
    }


@under(MESSAGES)
def send_message(user: User, fields: Fields) -> Payload:
    """In a transaction of its own; sockets send theirs with the next batch."""
    return posted_payload(post_message(new_post(user, fields)))


@under(EDITS)
def edit_message(user: User, fields: Fields) -> Payload:
    revision = messages.edit_message(
        actor=user, message_id=fields.id("message_id"), content=fields.text("content")
    )
    return {"revision": revision}


@under(DELETES)
def delete_message(user: User, fields: Fields) -> Payload:
    return {"revision": messages.delete_message(actor=user, message_id=fields.id("message_id"))}


@under(REACTIONS)
def set_reaction(user: User, fields: Fields) -> Payload:
    revision = messages.set_reaction(
        actor=user,
        message_id=fields.id("message_id"),
        emoji=fields.text("emoji"),
        on=fields.flag("on"),
    )
    return {"revision": revision}


@under(PAGES)
def list_history(user: User, fields: Fields) -> Payload:
    """The newest page, or the one before or around a message."""
    chat_id = fields.id("chat_id")
    before, around = fields.optional_number("before_seq"), fields.optional_number("around_seq")
    if before is not None and around is not None:
        raise BadRequestError.of("around_seq", _("either before_seq or around_seq"))
    membership_of(user, chat_id)
    if around is not None:
        page = history.page_around(chat_id, around)
    elif before is not None:
        page = history.page_before(chat_id, before)
    else:
        page = history.newest_page(chat_id)
    return {"chat_id": chat_id, **page}


@under(PAGES)
def list_changes(user: User, fields: Fields) -> Payload:
    """Over HTTP."""
    return _changes(user, fields, since="after")


@under(PAGES)
def sync_chat(user: User, fields: Fields) -> Payload:
    """On a socket, where the field has another name."""
    return _changes(user, fields, since="revision")


def _changes(user: User, fields: Fields, *, since: str) -> Payload:
    chat_id, revision = fields.id("chat_id"), fields.number(since)
    membership_of(user, chat_id)
    return {"chat_id": chat_id, **history.changes_after(chat_id, revision)}


@under(READS)
def list_edits(user: User, fields: Fields) -> Payload:
    return {"edits": history.earlier_wordings(message_seen_by(user, fields.id("message_id")))}
