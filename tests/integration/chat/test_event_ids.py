"""Events with ids of another system: set aside at once, without holding anybody up."""

from __future__ import annotations

import pytest

from chat.events.row_ids import ForeignIdError, row_number
from messaging.handling.registry import registry
from tests.integration.chat.webhook_parts import event

HANDLERS = [
    pytest.param(handler, id=f"{handler.group}/{handler.name}")
    for group in registry.groups()
    for handler in registry.handlers("chat-messages", group)
    if handler.name != "statuses"  # records what it is given, under the ids that it is given
]


class TestRowNumber:
    @pytest.mark.parametrize("text", ["1", "42", str(2**63 - 1)])
    def test_is_what_a_row_can_have(self, text):
        assert row_number(text) == int(text)

    @pytest.mark.parametrize(
        "text", ["", "a1", "-1", "1.0", "٣", " 1", "0x1", str(2**63), "9" * 100, "6f1d-77"]
    )
    def test_is_nothing_else(self, text):
        with pytest.raises(ForeignIdError):
            row_number(text)


@pytest.mark.django_db
class TestHandlers:
    @pytest.mark.parametrize("handler", HANDLERS)
    def test_say_at_once_that_trying_again_is_in_vain(self, handler):
        foreign = event(7, 1, chatId="room-7", messageId="m-1", senderId="u-1")
        with pytest.raises(ForeignIdError):
            handler.function([foreign])
