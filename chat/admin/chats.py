"""Chats, who is in them, their invite links and who was asked back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin
from chat.admin.finding import by_username, row_id
from chat.models import Chat, Invitation, Invite, Membership


@admin.register(Chat)
class ChatPage(ChatAdmin):
    list_display = ["id", "title", "kind", "created_by", "members", "last_seq", "last_message_at"]
    list_display_links = ["id", "title"]
    list_select_related = ["created_by"]
    list_filter = ["kind"]
    search_help_text = _("A number, a member's @username, or the start of a title.")
    finds = {
        "": lambda text: Q(pk=row_id(text)) if text.isdigit() else Q(title__istartswith=text),
        "@": lambda name: Q(
            pk__in=Membership.objects.active().filter(by_username("user")(name)).values("chat")
        ),
    }
    fields = [
        "title",
        "kind",
        "created_by",
        "created_at",
        "members",
        "last_message_at",
        "last_seq",
        "published_seq",
        "revision",
    ]
    readonly_fields = ["members"]
    audited_as = "chat"
    lists_of_row = {
        _("Members"): ("chat_membership", "chat:{row.pk}"),
        _("Messages"): ("chat_message", "chat:{row.pk}"),
        _("Invite links"): ("chat_invite", "chat:{row.pk}"),
        _("Activity"): ("chat_activitycount", "chat:{row.pk}"),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Counted for the rows of the page alone.
        chats: Any = super().get_queryset(request)
        counted: QuerySet[Any] = chats.counted()
        return counted

    @admin.display(description=_("members"))
    def members(self, chat: Any) -> int:
        return int(chat.people)


@admin.register(Membership)
class MembershipPage(ChatAdmin):
    list_display = [
        "id",
        "chat",
        "user",
        "role",
        "joined_at",
        "left_at",
        "removed_at",
        "delivered_seq",
        "read_seq_shown",
    ]
    list_select_related = ["chat", "user"]
    exclude = ["read_seq"]
    readonly_fields = ["read_seq_shown"]
    list_filter = ["role"]
    search_help_text = _("chat:NUMBER, @username")
    finds = {
        "chat": lambda number: Q(chat_id=row_id(number)),
        "@": by_username("user"),
    }

    @admin.display(description=_("read"))
    def read_seq_shown(self, membership: Membership) -> int | None:
        """Only of those who show it to others."""
        return membership.read_seq if membership.user.shares_reading else None


@admin.register(Invite)
class InvitePage(ChatAdmin):
    """Without the token: whoever has it may come in."""

    list_display = ["id", "chat", "created_by", "created_at", "expires_at", "uses", "revoked_at"]
    list_select_related = ["chat", "created_by"]
    search_help_text = _("chat:NUMBER, @username")
    finds = {
        "chat": lambda number: Q(chat_id=row_id(number)),
        "@": by_username("created_by"),
    }


@admin.register(Invitation)
class InvitationPage(ChatAdmin):
    list_display = ["id", "chat", "user", "created_by", "created_at", "expires_at", "answer"]
    list_select_related = ["chat", "user", "created_by"]
    list_filter = ["answer"]
    search_help_text = _("chat:NUMBER, @username")
    finds = {
        "chat": lambda number: Q(chat_id=row_id(number)),
        "@": by_username("user"),
    }
