"""Chats: listed, found, made, joined and left."""

from __future__ import annotations

from chat.limits.counting import Count, take
from chat.limits.doors import under
from chat.limits.table import CHANGES, CHATS_MADE, DIRECT_CHATS, JOINS, LOOK_UPS, READS, STRANGERS
from chat.models import User
from chat.reads import directory
from chat.reads.blocks import blocked_ids
from chat.reads.notifications import unseen_notifications
from chat.reads.summaries import chat_summaries, chat_summary
from chat.services.chats import chats
from chat.wire.fields import Fields
from chat.wire.payloads import Made, Payload, person_payload


@under(READS)
def list_chats(user: User, fields: Fields) -> Payload:
    """With whose they are: a page that asks again and again may be another person's by now."""
    return {
        "user": person_payload(user),
        "chats": chat_summaries(user),
        "notifications": unseen_notifications(user),
        "blocked": blocked_ids(user),
    }


@under(CHATS_MADE)
def make_chat(user: User, fields: Fields) -> Made:
    chat = chats.create_chat(owner=user, kind=fields.text("kind"), title=fields.text("title"))
    return Made({"chat": chat_summary(user, chat.pk)})


@under(DIRECT_CHATS)
def open_direct_chat(user: User, fields: Fields) -> Payload:
    other_id = fields.id("user_id")
    if not directory.share_a_chat(user, other_id):
        take(Count(STRANGERS, user.pk))
    chat = chats.open_direct_chat(user=user, other_id=other_id)
    return {"chat": chat_summary(user, chat.pk)}


@under(LOOK_UPS)
def find_public_chats(user: User, fields: Fields) -> Payload:
    return directory.find_public_chats(user, fields.words(), fields.page())


@under(READS)
def read_chat(user: User, fields: Fields) -> Payload:
    return {"chat": chat_summary(user, fields.id("chat_id"))}


@under(CHANGES)
def rename_chat(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    chats.rename_chat(actor=user, chat_id=chat_id, title=fields.text("title"))
    return {"chat": chat_summary(user, chat_id)}


@under(JOINS)
def join_chat(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    chats.join_chat(user=user, chat_id=chat_id)
    return {"chat": chat_summary(user, chat_id)}


@under(JOINS)
def leave_chat(user: User, fields: Fields) -> None:
    chats.leave_chat(user=user, chat_id=fields.id("chat_id"))
