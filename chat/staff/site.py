"""The staff's site under /admin/. Apps register at it as at `django.contrib.admin.site`.

Stands outside chat.admin: importing it must not import the pages that register at it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.content.csv_cells import csv_head, csv_row
from chat.staff.charts import SPANS, draw_charts, kinds_for, span_named
from chat.staff.standing import read_standing


class StaffSite(AdminSite):
    site_header = _("Webchat: staff")
    site_title = _("Webchat: staff")
    index_title = _("Status")
    site_url = "/"
    enable_nav_sidebar = False

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        span, kinds = span_named(request.GET.get("span")), kinds_for(request.user)
        context = {
            "standing": read_standing(request.user),
            "kinds_of_charts": kinds,
            "charts": draw_charts(kinds, span, timezone.now()),
            "span": span,
            "spans": SPANS.values(),
        }
        return super().index(request, {**context, **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        file = path("charts.csv", self.admin_view(self.charts_file), name="charts_file")
        return [file, *super().get_urls()]

    def charts_file(self, request: HttpRequest) -> HttpResponse:
        """The charts of a span in one table, a row for each point."""
        span, kinds = span_named(request.GET.get("span")), kinds_for(request.user)
        if not kinds:
            raise PermissionDenied
        charts = draw_charts(kinds, span, timezone.now())
        lines = [csv_head(["at", *(kind.field for kind in kinds)])]
        lines += [
            csv_row([points[0].at, *(point.value for point in points)])
            for points in zip(*(chart.points for chart in charts), strict=True)
        ]
        return HttpResponse(
            "".join(lines),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="charts-{span.name}.csv"'},
        )

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The chat's own page: it slows down those who guess, and everyone knows it."""
        if request.user.is_authenticated:
            raise PermissionDenied
        wanted = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(wanted)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return redirect("password-change")
