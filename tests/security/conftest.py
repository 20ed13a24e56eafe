"""The live chat of the integration tests."""

from tests.integration.chat.conftest import connect, live, nothing_counted

__all__ = ["connect", "live", "nothing_counted"]
