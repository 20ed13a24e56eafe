"""The web processes, as each last said of itself."""

from __future__ import annotations

from django.contrib import admin

from chat.models import WebProcess
from messaging.admin import PROCESS
from messaging.operating.staff import ReadOnlyAdmin


@admin.register(WebProcess)
class WebProcessAdmin(ReadOnlyAdmin):
    ordering = ("-seen_at",)
    list_display = ["name", "sockets", "people", *PROCESS]
