"""Puts the chat's own site in the place of Django's `admin.site`."""

from django.contrib.admin.apps import AdminConfig


class StaffConfig(AdminConfig):
    default_site = "chat.staff.site.StaffSite"
