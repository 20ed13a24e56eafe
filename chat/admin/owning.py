"""Pages of rows that work while their owner may make them: which are paused, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.models.rights import Owned
from messaging.operating.staff import ReadOnlyAdmin, Rows


class PausedFilter(admin.SimpleListFilter):
    title = _("paused")
    parameter_name = "paused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "yes":
            return queryset.paused()
        return queryset.entitled() if self.value() == "no" else queryset


class OwnedAdmin(ReadOnlyAdmin):
    def get_queryset(self, request: HttpRequest) -> Rows:
        owned: Any = super().get_queryset(request)
        # Django leaves `list_select_related` out where something is selected along already.
        related: Any = self.list_select_related or ()
        rows: Rows = owned.with_standing().select_related("owner", *related)
        return rows

    @admin.display(description=_("reason for the pause"))
    def paused(self, row: Owned) -> str:
        return row.why_paused
