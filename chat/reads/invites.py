"""A chat's invite links, as those who manage it see them."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from chat.models import Invite
from chat.wire.payloads import Payload, sender_payload, timestamp


def list_working_invites(chat_id: int) -> list[Payload]:
    """The newest first."""
    working = Invite.objects.working(timezone.now()).filter(chat_id=chat_id)
    rows = working.select_related("created_by").order_by("-pk")
    return [invite_payload(invite) for invite in rows]


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
