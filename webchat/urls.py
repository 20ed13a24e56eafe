"""The project's addresses."""

from django.contrib import admin
from django.urls import include, path

from webchat import health

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("api/", include("chat.api")),
    path("", include("chat.page_urls")),
]
