"""The live chat of the integration tests."""

from tests.integration.chat.conftest import connect, fresh_message_limit, live

__all__ = ["connect", "fresh_message_limit", "live"]
