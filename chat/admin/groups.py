"""The groups of staff, to read: what they may do is written in chat.staff.groups."""

from __future__ import annotations

import django.contrib.auth.admin  # noqa: F401  registers the page that this one replaces
from django.contrib import admin
from django.contrib.auth.models import Group

from messaging.operating.staff import ReadOnlyAdmin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    list_display = ["name"]
