"""The ASGI application that Daphne (or another server) runs."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")
http_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402  (needs the apps to be ready)

from chat.routing import websocket_application  # noqa: E402
from webchat.daphne_bodies import limit_bodies  # noqa: E402
from webchat.lifecycle import Lifecycle  # noqa: E402

limit_bodies(settings.MOST_BODY_BYTES)
application = Lifecycle(
    ProtocolTypeRouter({"http": http_application, "websocket": websocket_application})
)
