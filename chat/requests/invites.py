"""A chat's invite links, and the invitations that one person has."""

from __future__ import annotations

from chat.limits.doors import under
from chat.limits.table import CHANGES, INVITES_MADE, JOINS, READS
from chat.models import User
from chat.reads.invites import invite_payload, list_working_invites
from chat.reads.summaries import chat_summary
from chat.services.access import managing_membership_of
from chat.services.chats import chats, invitations, invites
from chat.wire.fields import Fields
from chat.wire.payloads import Made, Payload


@under(READS)
def list_invites(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    managing_membership_of(user, chat_id)
    return {"invites": list_working_invites(chat_id)}


@under(INVITES_MADE)
def create_invite(user: User, fields: Fields) -> Made:
    invite = invites.create_invite(
        actor=user,
        chat_id=fields.id("chat_id"),
        seconds=fields.optional_number("seconds"),
        most_uses=fields.optional_number("most_uses"),
    )
    return Made({"invite": invite_payload(invite)})


@under(CHANGES)
def revoke_invite(user: User, fields: Fields) -> None:
    invites.revoke_invite(
        actor=user, chat_id=fields.id("chat_id"), invite_id=fields.id("invite_id")
    )


@under(JOINS)
def accept_invitation(user: User, fields: Fields) -> Payload:
    chat = chats.accept_invitation(user=user, invitation_id=fields.id("invitation_id"))
    return {"chat": chat_summary(user, chat.pk)}


@under(CHANGES)
def decline_invitation(user: User, fields: Fields) -> None:
    invitations.decline_invitation(user=user, invitation_id=fields.id("invitation_id"))
