"""The HTTP routes of a chat's invite links, and of invitations that one person has."""

from __future__ import annotations

from django.urls import path, reverse
from django.utils import timezone

from chat.http.json import route
from chat.limits.doors import under
from chat.limits.table import CHANGES, INVITES_MADE, JOINS, READS
from chat.models import Invite, User
from chat.reads.summaries import chat_summary
from chat.services.access import known_id, managing_membership_of
from chat.services.chats import chats, invitations, invites
from chat.wire.payloads import Payload, sender_payload, timestamp
from chat.wire.protocol import Frame


@under(READS)
def list_invites(user: User, fields: Frame, chat_id: int) -> Payload:
    """Those that work, the newest first."""
    managing_membership_of(user, known_id(chat_id))
    working = Invite.objects.working(timezone.now()).filter(chat_id=chat_id)
    rows = working.select_related("created_by").order_by("-pk")
    return {"invites": [invite_payload(invite) for invite in rows]}


@under(INVITES_MADE)
def create_invite(user: User, fields: Frame, chat_id: int) -> tuple[int, Payload]:
    invite = invites.create_invite(
        actor=user,
        chat_id=known_id(chat_id),
        seconds=fields.optional_number("seconds"),
        most_uses=fields.optional_number("most_uses"),
    )
    return 201, {"invite": invite_payload(invite)}


@under(CHANGES)
def revoke_invite(user: User, fields: Frame, chat_id: int, invite_id: int) -> None:
    invites.revoke_invite(actor=user, chat_id=known_id(chat_id), invite_id=known_id(invite_id))


@under(JOINS)
def accept_invitation(user: User, fields: Frame, invitation_id: int) -> Payload:
    chat = chats.accept_invitation(user=user, invitation_id=known_id(invitation_id))
    return {"chat": chat_summary(user, chat.pk)}


@under(CHANGES)
def decline_invitation(user: User, fields: Frame, invitation_id: int) -> None:
    invitations.decline_invitation(user=user, invitation_id=known_id(invitation_id))


def invite_payload(invite: Invite) -> Payload:
    return {
        "id": invite.pk,
        # Below the page's own origin.
        "path": reverse("join", args=[invite.token]),
        "created_by": sender_payload(invite.created_by),
        "created_at": timestamp(invite.created_at),
        "expires_at": timestamp(invite.expires_at),
        "most_uses": invite.most_uses,
        "uses": invite.uses,
    }


urlpatterns = [
    path("chats/<int:chat_id>/invites", route(get=list_invites, post=create_invite)),
    path("chats/<int:chat_id>/invites/<int:invite_id>", route(delete=revoke_invite)),
    path("invitations/<int:invitation_id>/accept", route(post=accept_invitation)),
    path("invitations/<int:invitation_id>/decline", route(post=decline_invitation)),
]
