"""The staff's site under /admin/. Apps register at it as at `django.contrib.admin.site`.

Stands outside chat.admin: importing it must not import the pages that register at it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from chat.staff.standing import read_standing


class StaffSite(AdminSite):
    site_header = _("Webchat: staff")
    site_title = _("Webchat: staff")
    index_title = _("Status")
    site_url = "/"
    enable_nav_sidebar = False

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().index(
            request, {"standing": read_standing(request.user), **(extra_context or {})}
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
