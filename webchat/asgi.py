"""The ASGI application that Daphne (or another server) runs."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")
http_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402  (needs the apps to be ready)

from chat.routing import websocket_application  # noqa: E402
from webchat.lifecycle import Lifecycle  # noqa: E402

application = Lifecycle(
    ProtocolTypeRouter({"http": http_application, "websocket": websocket_application})
)
