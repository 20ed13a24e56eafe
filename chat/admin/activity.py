"""How many messages were written, as a table to filter and to take along."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin
from chat.admin.export import ExportingAdmin
from chat.admin.finding import row_id
from chat.models import ActivityCount


class SpanFilter(admin.SimpleListFilter):
    """One span at a time: minutes and days in one list would count every message twice."""

    title = _("span")
    parameter_name = "span"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(span.value, span.label) for span in ActivityCount.Span]

    def value(self) -> str:
        given = super().value()
        return given if given in ActivityCount.Span.values else ActivityCount.Span.DAY.value

    def choices(self, changelist: Any) -> Any:
        # Without "All".
        return list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(span=self.value())


@admin.register(ActivityCount)
class ActivityCountPage(ExportingAdmin, ChatAdmin):
    # As the unique index has it.
    ordering = ("-starts_at", "-chat_id", "-user_id")
    list_display = ["starts_at", "chat_id", "user_id", "messages"]
    list_filter = [SpanFilter]
    search_help_text = _("chat:NUMBER, person:NUMBER")
    finds = {
        "chat": lambda number: Q(chat_id=row_id(number)),
        "person": lambda number: Q(user_id=row_id(number)),
    }
    exported = ("span", "starts_at", "chat_id", "user_id", "messages")
