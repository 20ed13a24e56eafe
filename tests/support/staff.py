"""One row of everything that staff has a page for, and people with this or that right."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.utils import timezone

from chat.audit.chain import Draft, append
from chat.models import (
    ActivityCount,
    Attachment,
    AuditEntry,
    Chat,
    IncomingWebhook,
    Invitation,
    Invite,
    Membership,
    Message,
    MessageEdit,
    Notification,
    Reaction,
    SignIn,
    User,
    Webhook,
    WebhookDelivery,
    WebProcess,
)
from messaging.models import (
    ConsumerState,
    DeadLetter,
    HandledEvent,
    LostRecords,
    OutboxEvent,
    RelayState,
)
from tests.support.people import make_group, make_person, membership, post_text

SECRET = "c2VjcmV0c29mdGVzdHNhcmVub2JvZHlz"  # in base64, as webhooks have theirs
WORDS = "words of a private talk"


def staff_with(*permissions: str, **fields: Any) -> User:
    """Somebody of staff with exactly these rights ("app.codename")."""
    person = make_person("staff", is_staff=True, **fields)
    for permission in permissions:
        app, codename = permission.split(".")
        right = Permission.objects.get(content_type__app_label=app, codename=codename)
        person.user_permissions.add(right)
    return person


def staff_of(group: str) -> User:
    person = make_person("staff", is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    return person


def _message() -> Message:
    ann = make_person("ann")
    return post_text(make_group(ann), ann, WORDS)


def _audit_entry() -> AuditEntry:
    draft = Draft(
        event_id=uuid.uuid4(),
        happened_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
        action="message.hidden",
        actor_id=1,
        actor_name="=cmd()",
        chat_id=7,
        target_type="message",
        target_id="12",
        details='{"reason":"spam"}',
    )
    append([draft])
    return AuditEntry.objects.latest("place")


def _attachment() -> Attachment:
    message = _message()
    return Attachment.objects.create(
        chat=message.chat,
        uploader=message.sender,
        message=message,
        kind="file",
        file=f"attachments/{uuid.uuid4()}",
        name=WORDS,
        content_type="text/plain",
        size=7,
    )


def _chat() -> Chat:
    return make_group(make_person("ann"), make_person("bob"))


def _webhook() -> Webhook:
    chat = _chat()
    return Webhook.objects.create(
        name="Billing",
        chat=chat,
        url="https://192.0.2.1/hook",  # nobody is there, and no name is asked for
        secret=SECRET,
        created_by=chat.created_by,
        owner=chat.created_by,
    )


def _incoming_webhook() -> IncomingWebhook:
    chat = _chat()
    return IncomingWebhook.objects.create(
        name="Deploys",
        chat=chat,
        bot=make_person("bot", is_bot=True),
        token_hash=uuid.uuid4().hex,
        created_by=chat.created_by,
        owner=chat.created_by,
    )


def _invite() -> Invite:
    chat = _chat()
    token = f"{SECRET[:20]}{uuid.uuid4().hex}"[:43]
    return Invite.objects.create(token=token, chat=chat, created_by=chat.created_by)


def _invitation() -> Invitation:
    chat = _chat()
    return Invitation.objects.create(
        chat=chat, user=make_person("left"), created_by=chat.created_by, expires_at=timezone.now()
    )


def _notification() -> Notification:
    message = _message()
    return Notification.objects.create(
        user=make_person("bob"),
        kind="mention",
        chat=message.chat,
        message=message,
        actor=message.sender,
        event_id=uuid.uuid4(),
    )


def _membership() -> Membership:
    chat = _chat()
    return membership(chat, chat.created_by)


def _dead_letter() -> DeadLetter:
    return DeadLetter.objects.create(
        topic="chat-messages",
        event_id=uuid.uuid4(),
        record_key=b"7",
        value=WORDS.encode(),
        group="webchat-group",
        handler="audit",
        error_class="ValueError",
        error_message=WORDS,
        traceback=WORDS,
    )


def _outbox_event() -> OutboxEvent:
    return OutboxEvent.objects.create(
        topic="chat-messages", key="7", event_type="message.created", payload=WORDS
    )


MAKE: dict[type[Model], Callable[[], Model]] = {
    ActivityCount: lambda: ActivityCount.objects.create(
        span="day",
        starts_at=timezone.now(),
        chat_id=7,
        user_id=ActivityCount.objects.count(),
        messages=3,
    ),
    Attachment: _attachment,
    AuditEntry: _audit_entry,
    Chat: _chat,
    DeadLetter: _dead_letter,
    Group: lambda: Group.objects.create(name=uuid.uuid4().hex),
    IncomingWebhook: _incoming_webhook,
    Invitation: _invitation,
    Invite: _invite,
    Membership: _membership,
    Message: _message,
    MessageEdit: lambda: MessageEdit.objects.create(message=_message(), content=WORDS),
    Notification: _notification,
    OutboxEvent: _outbox_event,
    Reaction: lambda: Reaction.objects.create(
        message=_message(), user=make_person("bob"), emoji="👍"
    ),
    HandledEvent: lambda: HandledEvent.objects.create(
        event_id=uuid.uuid4(), group="webchat-group", handler="audit", topic="chat-messages"
    ),
    ConsumerState: lambda: ConsumerState.objects.create(
        name=uuid.uuid4().hex[:20],
        group="webchat-group",
        host="web-1",
        pid=7,
        partitions=6,
        started_at=timezone.now(),
        seen_at=timezone.now(),
    ),
    LostRecords: lambda: LostRecords.objects.create(
        group="webchat-group",
        topic="chat-messages",
        partition=0,
        first_offset=LostRecords.objects.count(),
        end_offset=1000,
    ),
    RelayState: lambda: RelayState.objects.create(
        name=uuid.uuid4().hex[:20],
        bus="kafka",
        host="web-1",
        pid=7,
        shards=16,
        breaker="closed",
        started_at=timezone.now(),
        seen_at=timezone.now(),
    ),
    SignIn: lambda: SignIn.objects.create(
        user=make_person("ann"), session_key=f"{SECRET[:8]}{uuid.uuid4().hex}"
    ),
    User: lambda: make_person("somebody"),
    WebProcess: lambda: WebProcess.objects.create(
        name=uuid.uuid4().hex[:20],
        host="web-1",
        pid=7,
        sockets=3,
        people=2,
        started_at=timezone.now(),
        seen_at=timezone.now(),
    ),
    Webhook: _webhook,
    WebhookDelivery: lambda: WebhookDelivery.objects.create(
        webhook=_webhook(), event_id=uuid.uuid4(), event_type="message.created", body="{}"
    ),
}


def make_row(model: type[Model]) -> Model:
    """Another row of this kind. A model that has a page needs its line in MAKE."""
    return MAKE[model]()
