"""The project's addresses."""

from django.contrib import admin
from django.urls import include, path

from chat.http.page_limits import page
from chat.limits.doors import Unlimited
from webchat import health, metrics

handler500 = "chat.http.json.failed"

HEALTH = Unlimited("Asked by monitoring; nobody is signed in.")

urlpatterns = [
    path("livez", page(health.livez, reads=HEALTH)),
    path("readyz", page(health.readyz, reads=HEALTH)),
    path("metrics", page(metrics.metrics, reads=HEALTH)),
    path("admin/", admin.site.urls),
    path("api/", include("chat.http.api")),
    path("", include("chat.http.urls")),
]
