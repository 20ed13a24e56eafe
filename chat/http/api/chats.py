"""The HTTP routes: the same data as the socket, and what is done too rarely for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.urls import path
from django.utils.translation import gettext as _

from chat.content.text import CONTENT_LENGTH
from chat.errors import BadRequestError, ForbiddenError, NotFoundError
from chat.http.api import invites as invite_api
from chat.http.api import safety as safety_api
from chat.http.api import search as search_api
from chat.http.api import webhooks as webhook_api
from chat.http.json import route, upload_route
from chat.limits.counting import Count, take
from chat.limits.doors import under
from chat.limits.table import (
    CHANGES,
    CHATS_MADE,
    DELETES,
    DIRECT_CHATS,
    EDITS,
    JOINS,
    LOOK_UPS,
    MEMBERS_ADDED,
    MESSAGES,
    NOTIFICATIONS_SEEN,
    PAGES,
    REACTIONS,
    READS,
    RECEIPTS,
    STRANGERS,
    UPLOADS,
)
from chat.models import Message, User
from chat.reads import directory, history
from chat.reads.blocks import blocked_ids
from chat.reads.message_receipts import receipts_payload
from chat.reads.notifications import notifications_page, notify_payload, unseen_notifications
from chat.reads.summaries import chat_summaries, chat_summary
from chat.requests import messages as actions
from chat.services import notifications
from chat.services.access import known_id as _known
from chat.services.access import managing_membership_of, membership_of
from chat.services.attachments import discard_upload, max_bytes, store_upload
from chat.services.chats import chats
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.services.posting.posting import MAX_ATTACHMENTS, NewPost, post_message
from chat.wire.payloads import Payload, attachment_payload, person_payload, timestamp
from chat.wire.protocol import Frame

MAX_QUERY = 64
MAX_SEEN_AT_ONCE = 100
# The newest earlier wordings; nobody reads further back.
MAX_EDITS = 50


@under(READS)
def read_me(user: User, fields: Frame) -> Payload:
    me = {**person_payload(user), "language": user.language}
    return {"user": me, "limits": {"content": CONTENT_LENGTH, "upload": max_bytes()}}


@under(READS)
def list_chats(user: User, fields: Frame) -> Payload:
    """With whose they are: a page that asks again and again may be another person's by now."""
    return {
        "user": person_payload(user),
        "chats": chat_summaries(user),
        "notifications": unseen_notifications(user),
        "blocked": blocked_ids(user),
    }


@under(CHATS_MADE)
def make_chat(user: User, fields: Frame) -> tuple[int, Payload]:
    chat = chats.create_chat(owner=user, kind=fields.text("kind"), title=fields.text("title"))
    return 201, {"chat": chat_summary(user, chat.pk)}


@under(DIRECT_CHATS)
def open_direct_chat(user: User, fields: Frame) -> Payload:
    other_id = fields.id("user_id")
    if not directory.share_a_chat(user, other_id):
        take(Count(STRANGERS, user.pk))
    chat = chats.open_direct_chat(user=user, other_id=other_id)
    return {"chat": chat_summary(user, chat.pk)}


@under(LOOK_UPS)
def find_public_chats(user: User, fields: Frame) -> Payload:
    return directory.find_public_chats(user, _words(fields), fields.page())


@under(LOOK_UPS)
def find_people(user: User, fields: Frame) -> Payload:
    return {"people": directory.find_people(user, _words(fields))}


@under(READS)
def read_chat(user: User, fields: Frame, chat_id: int) -> Payload:
    return {"chat": chat_summary(user, _known(chat_id))}


@under(CHANGES)
def rename_chat(user: User, fields: Frame, chat_id: int) -> Payload:
    chats.rename_chat(actor=user, chat_id=_known(chat_id), title=fields.text("title"))
    return {"chat": chat_summary(user, chat_id)}


@under(JOINS)
def join_chat(user: User, fields: Frame, chat_id: int) -> Payload:
    chats.join_chat(user=user, chat_id=_known(chat_id))
    return {"chat": chat_summary(user, chat_id)}


@under(JOINS)
def leave_chat(user: User, fields: Frame, chat_id: int) -> None:
    chats.leave_chat(user=user, chat_id=_known(chat_id))


@under(LOOK_UPS)
def list_members(user: User, fields: Frame, chat_id: int) -> Payload:
    membership_of(user, _known(chat_id))
    return directory.list_members(chat_id, _words(fields), fields.page())


@under(LOOK_UPS)
def list_mentionable(user: User, fields: Frame, chat_id: int) -> Payload:
    membership_of(user, _known(chat_id))
    return {"people": directory.find_mentionable(user, chat_id, _words(fields))}


@under(MEMBERS_ADDED)
def add_member(user: User, fields: Frame, chat_id: int) -> Payload:
    """Whoever left by themselves is not put back: they are invited, and answer for themselves."""
    invitation = chats.add_member(actor=user, chat_id=_known(chat_id), user_id=fields.id("user_id"))
    answer = {"chat": chat_summary(user, chat_id), "invited": invitation is not None}
    return {**answer, "expires_at": timestamp(invitation.expires_at)} if invitation else answer


@under(CHANGES)
def set_role(user: User, fields: Frame, chat_id: int, user_id: int) -> Payload:
    membership = chats.set_role(
        actor=user, chat_id=_known(chat_id), user_id=_known(user_id), role=fields.text("role")
    )
    return directory.member_payload(membership)


@under(CHANGES)
def remove_member(user: User, fields: Frame, chat_id: int, user_id: int) -> None:
    chats.remove_member(actor=user, chat_id=_known(chat_id), user_id=_known(user_id))


@under(READS)
def list_removed(user: User, fields: Frame, chat_id: int) -> Payload:
    managing_membership_of(user, _known(chat_id))
    return directory.list_removed(chat_id, fields.page())


@under(CHANGES)
def let_back(user: User, fields: Frame, chat_id: int, user_id: int) -> None:
    chats.let_back(actor=user, chat_id=_known(chat_id), user_id=_known(user_id))


@under(PAGES)
def read_messages(user: User, fields: Frame, chat_id: int) -> Payload:
    return actions.read_history(user, _of_chat(fields, chat_id))


@under(PAGES)
def read_changes(user: User, fields: Frame, chat_id: int) -> Payload:
    membership_of(user, _known(chat_id))
    return {"chat_id": chat_id, **history.changes_after(chat_id, fields.number("after"))}


@under(MESSAGES)
def send_message(user: User, fields: Frame, chat_id: int) -> Payload:
    post = NewPost(
        chat_id=_known(chat_id),
        sender_id=user.pk,
        client_message_id=fields.uuid("client_message_id"),
        content=fields.text("content"),
        reply_to_id=fields.optional_id("reply_to"),
        attachment_ids=fields.uuids("attachments", most=MAX_ATTACHMENTS),
    )
    posted = post_message(post)
    return {
        "message_id": posted.message_id,
        "seq": posted.seq,
        "revision": posted.revision,
        "created_at": timestamp(posted.created_at),
        "duplicate": posted.duplicate,
    }


@under(UPLOADS)
def upload(user: User, file: UploadedFile[Any], chat_id: int) -> tuple[int, Payload]:
    stored = store_upload(uploader=user, chat_id=_known(chat_id), file=file)
    return 201, {"attachment": attachment_payload(stored)}


@under(CHANGES)
def remove_upload(user: User, fields: Frame, attachment_id: UUID) -> None:
    discard_upload(uploader=user, attachment_id=attachment_id)


@under(RECEIPTS)
def send_receipt(user: User, fields: Frame, chat_id: int) -> None:
    membership_of(user, _known(chat_id))
    cursors = Cursors(
        fields.optional_number("delivered_seq") or 0, fields.optional_number("read_seq") or 0
    )
    advance_cursors({(chat_id, user.pk): cursors})


@under(CHANGES)
def set_notify(user: User, fields: Frame, chat_id: int) -> Payload:
    membership = notifications.set_notify(
        user=user,
        chat_id=_known(chat_id),
        level=fields.text("level"),
        mute_minutes=fields.optional_number("mute_minutes"),
    )
    return notify_payload(membership)


@under(READS)
def list_notifications(user: User, fields: Frame) -> Payload:
    return notifications_page(user, before=fields.optional_id("before"))


@under(NOTIFICATIONS_SEEN)
def see_notifications(user: User, fields: Frame) -> None:
    """Some by their ids, all up to one, or all."""
    if "ids" in fields.fields:
        notifications.see_notifications(user=user, ids=fields.ids("ids", most=MAX_SEEN_AT_ONCE))
    elif "up_to" in fields.fields:
        notifications.see_all_notifications(user=user, up_to=fields.id("up_to"))
    elif fields.fields.get("all") is True:
        notifications.see_all_notifications(user=user)
    else:
        raise BadRequestError.of("ids", 'ids, up_to, "all": true')


@under(EDITS)
def edit_message(user: User, fields: Frame, message_id: int) -> Payload:
    return actions.edit(user, _of_message(fields, message_id))


@under(DELETES)
def delete_message(user: User, fields: Frame, message_id: int) -> Payload:
    return actions.delete(user, _of_message(fields, message_id))


@under(REACTIONS)
def set_reaction(user: User, fields: Frame, message_id: int) -> Payload:
    return actions.react(user, _of_message(fields, message_id))


@under(READS)
def list_receipts(user: User, fields: Frame, message_id: int) -> Payload:
    """Of one's own message: what is not spread in large chats, and in small ones who it is."""
    message = _message_seen_by(user, message_id)
    if message.sender_id != user.pk:
        raise ForbiddenError
    return receipts_payload(message, user, fields.page())


@under(READS)
def list_edits(user: User, fields: Frame, message_id: int) -> Payload:
    message = _message_seen_by(user, message_id)
    if not message.is_readable:
        return {"edits": []}
    edits = message.edits.order_by("-pk")[:MAX_EDITS].values("content", "edited_at")
    return {
        "edits": [{**edit, "edited_at": timestamp(edit["edited_at"])} for edit in reversed(edits)]
    }


def _message_seen_by(user: User, message_id: int) -> Message:
    message = Message.objects.visible_to(user).filter(pk=_known(message_id)).first()
    if message is None:
        raise NotFoundError
    return message


def _of_chat(fields: Frame, chat_id: int) -> Frame:
    return replace(fields, fields={**fields.fields, "chat_id": _known(chat_id)})


def _of_message(fields: Frame, message_id: int) -> Frame:
    return replace(fields, fields={**fields.fields, "message_id": _known(message_id)})


def _words(fields: Frame) -> str:
    words = str(fields.fields.get("q", "")).strip()
    if "\x00" in words:
        raise BadRequestError.of("q", _("a text"))
    return words[:MAX_QUERY]


urlpatterns = [
    path("me", route(get=read_me)),
    path("people", route(get=find_people)),
    path("chats", route(get=list_chats, post=make_chat)),
    path("chats/direct", route(post=open_direct_chat)),
    path("chats/public", route(get=find_public_chats)),
    path("chats/<int:chat_id>", route(get=read_chat, patch=rename_chat)),
    path("chats/<int:chat_id>/join", route(post=join_chat)),
    path("chats/<int:chat_id>/leave", route(post=leave_chat)),
    path("chats/<int:chat_id>/members", route(get=list_members, post=add_member)),
    path("chats/<int:chat_id>/mentionable", route(get=list_mentionable)),
    path("chats/<int:chat_id>/members/<int:user_id>", route(patch=set_role, delete=remove_member)),
    path("chats/<int:chat_id>/removed", route(get=list_removed)),
    path("chats/<int:chat_id>/removed/<int:user_id>", route(delete=let_back)),
    path("chats/<int:chat_id>/messages", route(get=read_messages, post=send_message)),
    path("chats/<int:chat_id>/attachments", upload_route(upload)),
    path("attachments/<uuid:attachment_id>", route(delete=remove_upload)),
    path("chats/<int:chat_id>/changes", route(get=read_changes)),
    path("chats/<int:chat_id>/receipts", route(post=send_receipt)),
    path("chats/<int:chat_id>/notify", route(put=set_notify)),
    path("notifications", route(get=list_notifications)),
    path("notifications/seen", route(post=see_notifications)),
    path("messages/<int:message_id>", route(patch=edit_message, delete=delete_message)),
    path("messages/<int:message_id>/reactions", route(put=set_reaction)),
    path("messages/<int:message_id>/edits", route(get=list_edits)),
    path("messages/<int:message_id>/receipts", route(get=list_receipts)),
    *search_api.urlpatterns,
    *invite_api.urlpatterns,
    *safety_api.urlpatterns,
    *webhook_api.urlpatterns,
]
