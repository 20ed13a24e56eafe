"""The staff's pages of the chat: one module for each kind of rows, all on operating.staff."""

from chat.admin import (  # noqa: F401  each registers its pages
    activity,
    audit,
    chats,
    groups,
    incoming_webhooks,
    messages,
    people,
    processes,
    webhooks,
)
