"""The audit log, to search and to take along."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin
from chat.admin.export import ExportingAdmin
from chat.admin.finding import row_id
from chat.models import AuditEntry

# What an action begins with, and how it is called here.
SUBJECTS = {
    "message": _("messages"),
    "member": _("members"),
    "chat": _("chats"),
    "person": _("people"),
    "account": _("accounts"),
    "sign_in": _("sign-ins"),
    "password": _("passwords"),
    "invite": _("invite links"),
    "invitation": _("invitations"),
    "webhook": _("webhooks"),
    "outbox": _("outbox"),
    "dead_letter": _("dead letters"),
}


class SubjectFilter(admin.SimpleListFilter):
    title = _("about")
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(SUBJECTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in SUBJECTS:
            return queryset
        return queryset.filter(action__startswith=f"{self.value()}.")


def _target(kind: str) -> Any:
    return lambda text: Q(target_type=kind, target_id=text[:40])


@admin.register(AuditEntry)
class AuditEntryPage(ExportingAdmin, ChatAdmin):
    ordering = ("-place",)
    list_display = ["place", "happened_at", "action", "actor_name", "chat_id", "target", "details"]
    list_filter = [SubjectFilter]
    search_help_text = _(
        "Any of action:message.hidden, actor:NUMBER, chat:NUMBER, message:NUMBER, person:NUMBER."
    )
    finds = {
        "": lambda number: Q(place=row_id(number)),
        "action": lambda name: Q(action=name),
        "actor": lambda number: Q(actor_id=row_id(number)),
        # Also what was done to the chat itself.
        "chat": lambda number: Q(chat_id=row_id(number)),
        "message": _target("message"),
        "person": _target("person"),
    }
    exported = (
        "place",
        "event_id",
        "happened_at",
        "recorded_at",
        "action",
        "actor_id",
        "actor_name",
        "chat_id",
        "target_type",
        "target_id",
        "details",
        "hash",
    )
    fields = [
        "place",
        "happened_at",
        "recorded_at",
        "action",
        "actor_name",
        "actor_id",
        "chat_id",
        "target",
        "details_shown",
        "event_id",
        "previous_hash",
        "hash",
    ]
    readonly_fields = ["target", "details_shown"]

    @admin.display(description=_("target"))
    def target(self, entry: AuditEntry) -> str:
        return f"{entry.target_type} {entry.target_id}".strip()

    @admin.display(description=_("details"))
    def details_shown(self, entry: AuditEntry) -> str:
        """One detail a line: before and after, a reason."""
        try:
            details = json.loads(entry.details)
        except ValueError:
            return entry.details  # somebody was at the table by hand: `audit_verify` will tell
        return json.dumps(details, ensure_ascii=False, indent=2)
