from django.apps import AppConfig


class WebchatConfig(AppConfig):
    name = "webchat"

    def ready(self) -> None:
        from webchat.log import log_uncaught

        log_uncaught()
