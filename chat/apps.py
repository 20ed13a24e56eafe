from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        # Each registers its receivers, handlers or checks.
        from chat import checks, events, fanout, handlers, sessions, signals  # noqa: F401
        from chat.services import published  # noqa: F401
