"""A chat's members, and those who were removed from it."""

from __future__ import annotations

from typing import Final

from chat.content.names import normal_form
from chat.limits.doors import under
from chat.limits.table import CHANGES, LOOK_UPS, MEMBERS_ADDED, READS
from chat.models import User
from chat.reads import directory
from chat.reads.summaries import chat_summary
from chat.services.access import managing_membership_of, membership_of
from chat.services.chats import chats
from chat.wire.fields import Fields
from chat.wire.payloads import Payload, timestamp

MAX_NAMED: Final = 50


@under(LOOK_UPS)
def list_members(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    membership_of(user, chat_id)
    return directory.list_members(chat_id, fields.words(), fields.page())


@under(LOOK_UPS)
def list_mentionable(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    membership_of(user, chat_id)
    return {"people": directory.find_mentionable(user, chat_id, fields.words())}


@under(READS)
def list_named(user: User, fields: Fields) -> Payload:
    """Which of these usernames are of people in the chat: those that messages there mention."""
    chat_id = fields.id("chat_id")
    membership_of(user, chat_id)
    names = map(normal_form, fields.names("names", most=MAX_NAMED))
    return {"usernames": directory.names_of_members(chat_id, frozenset(names))}


@under(MEMBERS_ADDED)
def add_member(user: User, fields: Fields) -> Payload:
    """Whoever left by themselves is not put back: they are invited, and answer for themselves."""
    chat_id = fields.id("chat_id")
    invitation = chats.add_member(actor=user, chat_id=chat_id, user_id=fields.id("user_id"))
    answer = {"chat": chat_summary(user, chat_id), "invited": invitation is not None}
    return {**answer, "expires_at": timestamp(invitation.expires_at)} if invitation else answer


@under(CHANGES)
def set_role(user: User, fields: Fields) -> Payload:
    membership = chats.set_role(
        actor=user,
        chat_id=fields.id("chat_id"),
        user_id=fields.id("user_id"),
        role=fields.text("role"),
    )
    return directory.member_payload(membership)


@under(CHANGES)
def remove_member(user: User, fields: Fields) -> None:
    chats.remove_member(actor=user, chat_id=fields.id("chat_id"), user_id=fields.id("user_id"))


@under(READS)
def list_removed(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    managing_membership_of(user, chat_id)
    return directory.list_removed(chat_id, fields.page())


@under(CHANGES)
def let_back(user: User, fields: Fields) -> None:
    chats.let_back(actor=user, chat_id=fields.id("chat_id"), user_id=fields.id("user_id"))
