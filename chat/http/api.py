"""The routes below /api/: which request each method of an address is.

For browsers whose sockets are blocked, and for what is done too rarely for one. See Note [One
function per request].
"""

from __future__ import annotations

from typing import Final

from django.urls import path

from chat.http.json import route, upload_route
from chat.requests import (
    attachments,
    chats,
    invites,
    members,
    messages,
    notifications,
    people,
    receipts,
    search,
    webhooks,
)

_CHAT: Final = "chats/<int:chat_id>"
_HOOKS: Final = f"{_CHAT}/webhooks"
_HOOK: Final = f"{_HOOKS}/<int:webhook_id>"
_INCOMING: Final = f"{_HOOKS}/incoming/<int:incoming_id>"
_MESSAGE: Final = "messages/<int:message_id>"

urlpatterns = [
    path("me", route(get=people.read_me)),
    path("people", route(get=people.find_people)),
    path("blocks", route(get=people.list_blocks)),
    path("blocks/<int:user_id>", route(put=people.block_person, delete=people.unblock_person)),
    path("reports", route(post=people.report)),
    path("chats", route(get=chats.list_chats, post=chats.make_chat)),
    path("chats/direct", route(post=chats.open_direct_chat)),
    path("chats/public", route(get=chats.find_public_chats)),
    path(_CHAT, route(get=chats.read_chat, patch=chats.rename_chat)),
    path(f"{_CHAT}/join", route(post=chats.join_chat)),
    path(f"{_CHAT}/leave", route(post=chats.leave_chat)),
    path(f"{_CHAT}/members", route(get=members.list_members, post=members.add_member)),
    path(f"{_CHAT}/mentionable", route(get=members.list_mentionable)),
    path(f"{_CHAT}/named", route(get=members.list_named)),
    path(
        f"{_CHAT}/members/<int:user_id>",
        route(patch=members.set_role, delete=members.remove_member),
    ),
    path(f"{_CHAT}/removed", route(get=members.list_removed)),
    path(f"{_CHAT}/removed/<int:user_id>", route(delete=members.let_back)),
    path(f"{_CHAT}/messages", route(get=messages.list_history, post=messages.send_message)),
    path(f"{_CHAT}/changes", route(get=messages.list_changes)),
    path(f"{_CHAT}/receipts", route(post=receipts.send_receipt)),
    path(f"{_CHAT}/notify", route(put=notifications.set_notify)),
    path(f"{_CHAT}/attachments", upload_route(attachments.upload)),
    path("attachments/<uuid:attachment_id>", route(delete=attachments.remove_upload)),
    path(_MESSAGE, route(patch=messages.edit_message, delete=messages.delete_message)),
    path(f"{_MESSAGE}/reactions", route(put=messages.set_reaction)),
    path(f"{_MESSAGE}/edits", route(get=messages.list_edits)),
    path(f"{_MESSAGE}/receipts", route(get=receipts.list_receipts)),
    path("notifications", route(get=notifications.list_notifications)),
    path("notifications/seen", route(post=notifications.see_notifications)),
    path("search", route(get=search.search)),
    path(f"{_CHAT}/invites", route(get=invites.list_invites, post=invites.create_invite)),
    path(f"{_CHAT}/invites/<int:invite_id>", route(delete=invites.revoke_invite)),
    path("invitations/<int:invitation_id>/accept", route(post=invites.accept_invitation)),
    path("invitations/<int:invitation_id>/decline", route(post=invites.decline_invitation)),
    path(_HOOKS, route(get=webhooks.list_webhooks, post=webhooks.create_webhook)),
    path(f"{_HOOKS}/incoming", route(get=webhooks.list_incoming, post=webhooks.create_incoming)),
    path(_INCOMING, route(delete=webhooks.revoke_incoming)),
    path(f"{_INCOMING}/take-over", route(post=webhooks.take_over_incoming)),
    path(_HOOK, route(patch=webhooks.switch_webhook, delete=webhooks.delete_webhook)),
    path(f"{_HOOK}/secret", route(post=webhooks.rotate_secret)),
    path(f"{_HOOK}/take-over", route(post=webhooks.take_over_webhook)),
    path(f"{_HOOK}/test", route(post=webhooks.try_webhook)),
    path(f"{_HOOK}/deliveries", route(get=webhooks.list_deliveries)),
    path(f"{_HOOK}/deliveries/<int:delivery_id>/again", route(post=webhooks.send_again)),
]
