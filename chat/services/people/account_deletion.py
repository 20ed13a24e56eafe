"""Deleting an account: what the person wrote stays, without their name."""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from chat.content.names import DELETED_NAME, DELETED_PREFIX
from chat.events.facts import record_fact
from chat.events.hub_commands import HubCommand, announce
from chat.models import Chat, Invitation, Invite, Membership, Notification, User
from chat.services.chats.direct_chats import settle_direct_chats_of
from chat.services.chats.memberships import dismiss
from chat.services.people.blocks import forget_blocks_of
from chat.services.people.sign_ins import end_sign_ins
from chat.wire.payloads import person_payload


@transaction.atomic
def delete_account(user: User) -> None:
    """Leaves every group and public chat, signs out everywhere and erases who the person was.

    The row stays, because messages refer to it; its name is free again. Direct chats stay for the
    others; open pages show the new name at once.
    """
    # Chats before the person, as in posting, which refers to its sender: otherwise the two could
    # deadlock.
    chats = _locked_chats_of(user)
    # Before leaving, so that the records of leaving carry no name.
    _forget(user)
    _leave(user, chats)
    forget_blocks_of(user)
    end_sign_ins(user=user)
    Notification.objects.filter(user=user).delete()
    Invitation.objects.of(user).delete()
    Invite.objects.filter(created_by=user, revoked_at=None).update(revoked_at=timezone.now())
    user.groups.clear()
    user.user_permissions.clear()
    record_fact("account.deleted", actor=None, target=("person", user.pk))


def _locked_chats_of(user: User) -> dict[int, Chat]:
    """All at once: two that are locked one after the other could be locked in the wrong order."""
    own = Membership.objects.active().filter(user=user).values("chat_id")
    return {chat.pk: chat for chat in Chat.objects.locked_in_order().filter(pk__in=own)}


def _leave(user: User, chats: dict[int, Chat]) -> None:
    """Closes direct chats: nobody would read what is written there."""
    own = Membership.objects.active().filter(user=user, chat_id__in=chats)
    for membership in own.exclude(chat__kind=Chat.Kind.DIRECT).select_related("user"):
        dismiss(chats[membership.chat_id], membership)
    settle_direct_chats_of(user)


def _forget(user: User) -> None:
    user.username, user.username_skeleton = _free_username(user), None
    # In the language of the person who leaves: most likely also that of those who stay.
    user.display_name = str(DELETED_NAME)
    user.email = user.first_name = user.last_name = user.language = ""
    user.last_login = None
    user.is_active = user.is_staff = user.is_superuser = False
    user.deleted_at = timezone.now()
    user.set_unusable_password()
    user.save()
    renamed = {"type": "person.renamed", "user": person_payload(user)}
    own = Chat.objects.with_member(user).values_list("pk", flat=True)
    announce(HubCommand.to_chat(pk, renamed) for pk in own)


def _free_username(user: User) -> str:
    """Nobody else can take it now, but somebody may have before this rule existed."""
    name = f"{DELETED_PREFIX}{user.pk}"
    is_taken = User.objects.named(name).exclude(pk=user.pk).exists()
    return f"{name}-{uuid4().hex[:8]}" if is_taken else name
