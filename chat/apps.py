from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        # Each registers its receivers, handlers or checks.
        import chat.notifying
        import chat.projections  # noqa: F401
        from chat import activity, checks, events, fanout, handlers, sessions, signals, staff_groups  # noqa: F401
        from chat.audit import listening  # noqa: F401
        from chat.services import published  # noqa: F401
        from chat.webhooks import sender  # noqa: F401
