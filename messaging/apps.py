from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messaging")

    def ready(self) -> None:
        # Only registers: threads and connections begin with the first request or in a command.
        from django.db.backends.signals import connection_created

        from messaging import checks  # noqa: F401
        from messaging.pooling import refuse_pooled

        connection_created.connect(refuse_pooled, dispatch_uid="messaging.pooling")
