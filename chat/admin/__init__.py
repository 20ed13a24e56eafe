"""The staff's pages of the chat: one module for each kind of rows, all on messaging.staff."""

from chat.admin import (  # noqa: F401  each registers its pages
    activity,
    audit,
    chats,
    groups,
    incoming_webhooks,
    messages,
    people,
    webhooks,
)
