"""Makes people, chats and messages for tests, through the same services as the product."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client

from chat.errors import ChatError
from chat.events.topics import MESSAGES_TOPIC
from chat.live.poster import Poster
from chat.models import (
    Attachment,
    Block,
    Chat,
    Invitation,
    Membership,
    Message,
    MessageEdit,
    Notification,
    Reaction,
    Report,
    User,
)
from chat.models.webhooks import IncomingWebhook, Webhook, WebhookDelivery
from chat.services.chats import chats
from chat.services.posting.posting import post_message
from chat.services.posting.posts import NewPost, Outcome, Posted
from messaging.models import OutboxEvent, OutboxEventQuerySet

_numbers = itertools.count(1)


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


def make_person(name: str = "person", **fields: Any) -> User:
    """Someone with a username of their own; without a password, which would take time to hash."""
    return User.objects.create(
        username=f"{name}-{next(_numbers)}", password=f"!{uuid.uuid4().hex}", **fields
    )


def make_people(*names: str) -> list[User]:
    return [make_person(name) for name in names]


def make_group(owner: User, *members: User, title: str = "A group") -> Chat:
    return chats.create_chat(owner=owner, kind="group", title=title, members=members)


def make_public(owner: User, *members: User, title: str = "A public chat") -> Chat:
    return chats.create_chat(owner=owner, kind="public", title=title, members=members)


def make_direct(one: User, other: User) -> Chat:
    return chats.open_direct_chat(user=one, other_id=other.pk)


def remove(chat: Chat, person: User) -> None:
    """By the chat's owner."""
    owner = User.objects.get(memberships__chat=chat, memberships__role="owner")
    chats.remove_member(actor=owner, chat_id=chat.pk, user_id=person.pk)


def leave(chat: Chat, person: User) -> None:
    chats.leave_chat(user=person, chat_id=chat.pk)


def ban(person: User) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])


def new_post(chat: Chat, sender: User, content: str = "Hello", **fields: Any) -> NewPost:
    given = {"client_message_id": uuid.uuid4(), **fields}
    return NewPost(chat_id=chat.pk, sender_id=sender.pk, content=content, **given)


def post(chat: Chat, sender: User, content: str = "Hello", **fields: Any) -> Posted:
    return post_message(new_post(chat, sender, content, **fields))


def all_saved(outcomes: Sequence[Outcome]) -> list[Posted]:
    """Raises the first refusal."""
    for outcome in outcomes:
        if isinstance(outcome, ChatError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Posted)]


def post_text(chat: Chat, sender: User, content: str = "Hello", **fields: Any) -> Message:
    return Message.objects.get(pk=post(chat, sender, content, **fields).message_id)


def membership(chat: Chat, person: User) -> Membership:
    return Membership.objects.get(chat=chat, user=person)


def session_key(person: User) -> str:
    """Of a browser in which this person has just signed in."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def session_cookie(person: User) -> str:
    """The browser's Cookie header."""
    return f"{settings.SESSION_COOKIE_NAME}={session_key(person)}"


def browser_of(person: User | None, **options: Any) -> Client:
    """An HTTP client, signed in unless there is nobody."""
    client = Client(**options)
    if person is not None:
        client.cookies[settings.SESSION_COOKIE_NAME] = session_key(person)
    return client


def everything_stored() -> dict[str, list[Any]]:
    """All rows that a person's actions may change, to see that a refused one changed nothing."""
    kinds = (User, Chat, Membership, Message, MessageEdit, Notification, Reaction, OutboxEvent)
    hooks = (Webhook, WebhookDelivery, IncomingWebhook)
    rows = (*kinds, Attachment, Block, Invitation, Report, *hooks)
    return {kind.__name__: list(kind.objects.order_by("pk").values()) for kind in rows}


async def outcome_of(poster: Poster, post: NewPost) -> Outcome:
    """What a socket is told of its post."""
    told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    poster.submit(post, told.set_result)
    return await told


def message_events() -> OutboxEventQuerySet:
    """What the outbox has of messages, oldest first; what the audit learns is beside it."""
    return OutboxEvent.objects.filter(topic=MESSAGES_TOPIC).order_by("id")
