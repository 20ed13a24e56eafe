"""The staff's pages of the chat: one module for each kind of rows, all on operating.staff."""

from chat.admin import activity, audit, chats, groups, incoming_webhooks, messages, people, webhooks  # noqa: F401  each registers its pages
