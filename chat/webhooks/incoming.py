"""Incoming webhooks: a token that posts to one chat as a bot. Made, used, taken over, revoked.

One whose owner may no longer create it is paused (chat.models.rights) until somebody takes it over.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final
from uuid import uuid4, uuid5

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content.names import BOT_PREFIX, check_name, check_not_reserved
from chat.errors import ConflictError, NotFoundError
from chat.events.facts import record_fact
from chat.limits.kept import check_room
from chat.limits.table import WEBHOOKS_OF_CHAT
from chat.models import Chat, IncomingWebhook, User
from chat.models.webhooks import IncomingWebhookQuerySet
from chat.reads.directory import is_name_of_member
from chat.services.access import lock_chat, locked_for
from chat.services.chats.memberships import admit, dismiss
from chat.services.posting.posting import post_message
from chat.services.posting.posts import NewPost, Posted
from chat.webhooks.outgoing import check_may_manage

STAFF_PERMISSION = "chat.change_incomingwebhook"
TOKEN_BYTES: Final = 32
# `last_used_at` is not written with every post.
USED_SECONDS: Final = 60


@transaction.atomic
def create_incoming_webhook(*, actor: User, chat_id: int, name: str) -> tuple[IncomingWebhook, str]:
    """Returns it with its token, of which only a hash is kept: it is never shown again."""
    chat, _may = locked_for(actor, chat_id, _check_may_manage)
    name = _check_name(chat_id, name)
    if chat.is_direct:
        raise ConflictError(_("A direct chat is between two people. Create a group instead."))
    _check_room(chat)
    token = _make_token()
    bot = User(username=f"{BOT_PREFIX}{uuid4().hex[:16]}", display_name=name, is_bot=True)
    bot.set_unusable_password()
    bot.save()
    webhook = IncomingWebhook.objects.create(
        name=name, chat=chat, bot=bot, created_by=actor, owner=actor, token_hash=hash_of(token)
    )
    admit(chat, bot)
    _record("incoming_webhook.created", actor, webhook)
    return webhook, token


@transaction.atomic
def revoke_incoming_webhook(*, actor: User, webhook_id: int, chat_id: int) -> None:
    """Its token stops working; what its bot wrote stays."""
    chat, _may = locked_for(actor, chat_id, _check_may_manage)
    webhook = _locked(IncomingWebhook.objects.all(), webhook_id, chat_id)
    if webhook.revoked_at is None:
        webhook.revoked_at = timezone.now()
        webhook.save(update_fields=["revoked_at"])
        membership = webhook.bot.memberships.active().filter(chat=chat).first()
        if membership is not None:
            dismiss(chat, membership)
        _record("incoming_webhook.revoked", actor, webhook)


@transaction.atomic
def take_over_incoming_webhook(
    *, actor: User, webhook_id: int, chat_id: int
) -> tuple[IncomingWebhook, str]:
    """Makes the actor its owner. Returns it with its new token: the old one, which the former owner
    may know, stops working. Its bot and what that wrote stay. Raises NotFoundError.
    """
    locked_for(actor, chat_id, _check_may_manage)
    webhook = _locked(IncomingWebhook.objects.unrevoked(), webhook_id, chat_id)
    token = _make_token()
    before, webhook.owner, webhook.token_hash = webhook.owner_id, actor, hash_of(token)
    webhook.save(update_fields=["owner", "token_hash"])
    _record("incoming_webhook.taken_over", actor, webhook, before=str(before))
    return webhook, token


def find_by_token(token: str) -> IncomingWebhook:
    """Raises NotFoundError alike for a token that is unknown, was revoked, or whose webhook is
    paused."""
    # By the hash: how long the look-up takes tells nothing of a token.
    return _find(hash_of(token))


def _find(token_hash: str) -> IncomingWebhook:
    webhook = IncomingWebhook.objects.filter(token_hash=token_hash).first()
    # Asked also where there is none: the answer takes as long.
    working = IncomingWebhook.objects.working_ids([webhook.pk if webhook else 0])
    if webhook is None or not working:
        raise NotFoundError
    return webhook


@transaction.atomic
def post_by_webhook(webhook: IncomingWebhook, *, content: str, key: str | None) -> Posted:
    """Posts as its bot. With the same `key` sent again, it is the first message's answer.

    Raises NotFoundError where the webhook works no longer.
    """
    # Removing or demoting its owner waits here, or is waited for.
    lock_chat(webhook.chat_id)
    _find(webhook.token_hash)
    message_id = uuid5(webhook.namespace, key) if key is not None else uuid4()
    posted = post_message(NewPost(webhook.chat_id, webhook.bot_id, message_id, content))
    _note_use(webhook)
    return posted


def hash_of(token: str) -> str:
    """Of 256 random bits: it needs no salt and no slowness."""
    return hashlib.sha256(token.encode()).hexdigest()


def _make_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def _locked(rows: IncomingWebhookQuerySet, webhook_id: int, chat_id: int) -> IncomingWebhook:
    found = rows.select_related("bot").select_for_update(of=("self",))
    webhook = found.filter(pk=webhook_id, chat_id=chat_id).first()
    if webhook is None:
        raise NotFoundError
    return webhook


def _note_use(webhook: IncomingWebhook) -> None:
    now = timezone.now()
    long_ago = now - timedelta(seconds=USED_SECONDS)
    not_lately = Q(last_used_at__isnull=True) | Q(last_used_at__lt=long_ago)
    IncomingWebhook.objects.filter(not_lately, pk=webhook.pk).update(last_used_at=now)


def _check_may_manage(actor: User, chat_id: int) -> None:
    check_may_manage(actor, chat_id, STAFF_PERMISSION)


def _check_name(chat_id: int, name: str) -> str:
    """Its bot speaks by it. Raises ChatError where it could be taken for somebody who is there."""
    name = check_name(name)
    check_not_reserved(name)
    if is_name_of_member(chat_id, name):
        raise ConflictError(_("Somebody in this chat has a similar name. Choose another one."))
    return name


def _check_room(chat: Chat) -> None:
    check_room(WEBHOOKS_OF_CHAT, IncomingWebhook.objects.unrevoked().filter(chat=chat).count())


def _record(action: str, actor: User, webhook: IncomingWebhook, **details: str) -> None:
    record_fact(
        action,
        actor=actor,
        chat_id=webhook.chat_id,
        target=("incoming_webhook", webhook.pk),
        details={"name": webhook.name, **details},
    )
