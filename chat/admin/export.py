"""A list's rows as a CSV file: what the filters leave, the newest first, up to a bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone

from chat.content.csv_cells import csv_head, csv_row
from chat.reads.pieces import in_pieces
from messaging.operating.staff import ReadOnlyAdmin

MAX_EXPORTED = 50_000
PAGE = 500


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
            "max_exported": MAX_EXPORTED,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown: ChangeList = self.get_changelist_instance(request)
        # What is there now, as it stands in the list: of rows that come meanwhile, none.
        keys = list(shown.get_queryset(request).values_list("pk", flat=True)[:MAX_EXPORTED])
        name = f"{self.opts.model_name}-{timezone.now():%Y-%m-%d-%H%M}.csv"
        return StreamingHttpResponse(
            in_pieces(self._lines(keys)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _lines(self, keys: Sequence[Any]) -> Iterator[str]:
        yield csv_head(self.exported)
        for first in range(0, len(keys), PAGE):
            page = keys[first : first + PAGE]
            rows = self.model._default_manager.filter(pk__in=page)
            by_key = {key: cells for key, *cells in rows.values_list("pk", *self.exported)}
            yield from (csv_row(by_key[key]) for key in page if key in by_key)

    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"
