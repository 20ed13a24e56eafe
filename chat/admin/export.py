"""A list's rows as a CSV file: what the filters leave, the newest first, up to a bound."""

from __future__ import annotations

import csv
from typing import Any, ClassVar

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from chat.csv_cells import BYTE_ORDER_MARK, text_cell
from messaging.staff import ReadOnlyAdmin

MOST_EXPORTED = 50_000


class ExportingAdmin(ReadOnlyAdmin):
    """Has a link to the same list as a file. `exported` names the columns."""

    change_list_template = "staff/exporting_list.html"
    exported: ClassVar[tuple[str, ...]]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export)
        return [path("export.csv", view, name=self._export_name()), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        address = reverse(f"{self.admin_site.name}:{self._export_name()}")
        query = request.GET.urlencode()
        context = {
            "export_url": f"{address}?{query}" if query else address,
            "most_exported": MOST_EXPORTED,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def export(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown: ChangeList = self.get_changelist_instance(request)
        rows = shown.get_queryset(request).values_list(*self.exported)[:MOST_EXPORTED]
        name = f"{self.opts.model_name}-{timezone.now():%Y-%m-%d-%H%M}.csv"
        answer = HttpResponse(
            BYTE_ORDER_MARK,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
        file = csv.writer(answer)
        file.writerow(self.exported)
        file.writerows([_cell(value) for value in row] for row in rows.iterator())
        return answer

    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"


def _cell(value: Any) -> str:
    return "" if value is None else text_cell(str(value))
