"""Inviting back people who left a chat: nobody is put back where they left.

An invitation admits one person to one chat for a while, and shows nothing of the chat's content.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import ConflictError, NotFoundError
from chat.events.facts import record_fact
from chat.models import Chat, Invitation, User
from chat.services.access import locked_for
from chat.services.notifications import take_back_invitations

LASTS = timedelta(days=7)
Answer = Invitation.Answer


def invite(chat: Chat, user: User, *, by: User) -> Invitation:
    """Invites a person into a chat that the caller has locked. Idempotent.

    Raises ConflictError for a person who declined recently: they are not asked again until that
    invitation has expired.
    """
    now = timezone.now()
    known = Invitation.objects.filter(chat=chat, user=user).first()
    if known is not None and known.answer == Answer.DECLINED and known.expires_at > now:
        words = _(
            "%(name)s declined recently. Invite them again in a few days, or send them a link."
        )
        raise ConflictError(words % {"name": user.name})
    found = Invitation.objects.open(now).filter(chat=chat, user=user).first()
    if found is not None:
        return found
    return _make(known or Invitation(chat=chat, user=user), by)


def _make(invitation: Invitation, by: User) -> Invitation:
    if invitation.pk:
        # It expired without an answer, or its maker no longer manages the chat.
        take_back_invitations([invitation.pk])
    invitation.created_by, invitation.created_at = by, timezone.now()
    invitation.expires_at, invitation.answer = invitation.created_at + LASTS, Answer.NONE
    invitation.save()
    target = ("person", invitation.user_id)
    record_fact("member.invited", actor=by, chat_id=invitation.chat_id, target=target)
    return invitation


def lock_chat_of(user: User, invitation_id: int) -> tuple[Chat, Invitation]:
    """The person's own invitation with its chat, locked. Raises NotFoundError."""
    own = Invitation.objects.of(user).filter(pk=invitation_id, user__is_active=True)

    def look(_user: User, _chat_id: int) -> Invitation:
        invitation = own.first()
        if invitation is None:
            raise NotFoundError
        return invitation

    return locked_for(user, look(user, 0).chat_id, look)


@transaction.atomic
def decline_invitation(*, user: User, invitation_id: int) -> None:
    """Idempotent. Raises NotFoundError, and ConflictError for one that is closed."""
    chat, invitation = lock_chat_of(user, invitation_id)
    if invitation.answer == Answer.DECLINED:
        return
    check_open(invitation)
    close_invitation(chat, user, Answer.DECLINED)
    target = ("invitation", invitation.pk)
    record_fact("invitation.declined", actor=user, chat_id=chat.pk, target=target)


def check_open(invitation: Invitation) -> None:
    if not Invitation.objects.open(timezone.now()).filter(pk=invitation.pk).exists():
        raise ConflictError(
            _("This invitation is no longer open. Ask the person who sent it for a new one.")
        )


def close_invitation(chat: Chat, user: User, answer: Invitation.Answer) -> None:
    """Also removes its notification on all devices; harmless if there is none."""
    unanswered = Invitation.objects.of(user).filter(chat=chat, answer=Answer.NONE)
    ids = list(unanswered.values_list("pk", flat=True))
    if ids:
        Invitation.objects.filter(pk__in=ids).update(answer=answer)
        take_back_invitations(ids)
