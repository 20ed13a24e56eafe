from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messaging")

    def ready(self) -> None:
        # Only registers: threads and connections begin with the first request or in a command.
        from messaging import checks  # noqa: F401
