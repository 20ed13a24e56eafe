"""Asking back who left a chat by themselves: nobody is put where they went away from.

An invitation opens one door to one person for a while; it shows nothing of what is behind it.
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
    """Asks somebody into a chat that the caller has locked. Done twice it is done once.

    Raises ConflictError for whoever declined lately: they are not asked again until the time of
    that invitation has run out.
    """
    now = timezone.now()
    known = Invitation.objects.filter(chat=chat, user=user).first()
    if known is not None and known.answer == Answer.DECLINED and known.expires_at > now:
        words = _("%(name)s declined lately. Invite them again in a few days, or send them a link.")
        raise ConflictError(words % {"name": user.name})
    found = Invitation.objects.open(now).filter(chat=chat, user=user).first()
    if found is not None:
        return found
    return _make(known or Invitation(chat=chat, user=user), by)


def _make(invitation: Invitation, by: User) -> Invitation:
    if invitation.pk:
        # It ran out without an answer, or its maker manages the chat no longer.
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
    """Done twice it is done once. Raises NotFoundError, ConflictError for one that is closed."""
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
            _("This invitation is not open any more. Ask whoever sent it for a new one.")
        )


def close_invitation(chat: Chat, user: User, answer: Invitation.Answer) -> None:
    """With what the person was told of it, on all devices; harmless where there is none."""
    unanswered = Invitation.objects.of(user).filter(chat=chat, answer=Answer.NONE)
    ids = list(unanswered.values_list("pk", flat=True))
    if ids:
        Invitation.objects.filter(pk__in=ids).update(answer=answer)
        take_back_invitations(ids)
