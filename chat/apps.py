from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        # Each registers its receivers or checks.
        from chat import checks, signals  # noqa: F401
        from chat.audit import listening  # noqa: F401
        from chat.events import error_statuses, hub_commands, messages, rechecks  # noqa: F401
        from chat.handlers import HANDLERS
        from chat.services.cursors import published  # noqa: F401
        from chat.staff import groups  # noqa: F401
        from chat.upkeep import catching_up  # noqa: F401
        from chat.webhooks import sender  # noqa: F401
        from messaging.handling.registry import registry

        registry.add(*HANDLERS)
