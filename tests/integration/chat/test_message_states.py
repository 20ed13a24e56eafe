"""What can happen to a message and what may be read of it: one table, one rule for everyone."""

from __future__ import annotations

import pytest
from django.utils import timezone

from chat.events.topics import MESSAGES_TOPIC
from chat.models import Attachment, Message, Notification
from chat.models.changes import CHANGES, readable
from messaging.contract.schemas import event_types
from tests.support import people

pytestmark = pytest.mark.django_db
STATES = [
    pytest.param({}, id="as it was written"),
    pytest.param({"deleted_at": timezone.now()}, id="deleted"),
    pytest.param({"hidden_at": timezone.now()}, id="hidden"),
    pytest.param({"deleted_at": timezone.now(), "hidden_at": timezone.now()}, id="both"),
]


@pytest.fixture
def message():
    ann, bob = people.make_people("ann", "bob")
    chat = people.make_group(ann, bob)
    people.post(chat, ann, "words")
    return Message.objects.get()


class TestReadable:
    @pytest.mark.parametrize("state", STATES)
    def test_is_one_rule_for_a_row_and_for_all_rows(self, message, state):
        Message.objects.update(**state)
        found = Message.objects.readable()
        assert [row.pk for row in found] == ([message.pk] if not state else [])
        assert Message.objects.get().is_readable == (not state)

    @pytest.mark.parametrize("model", [Attachment, Notification])
    def test_can_be_asked_from_elsewhere(self, model):
        assert "hidden_at" in str(model.objects.filter(readable("message__")).query)


class TestChanges:
    @pytest.mark.parametrize("name", CHANGES)
    def test_know_their_column(self, name):
        if column := CHANGES[name].moment:
            assert Message._meta.get_field(column)

    def test_are_on_the_topic_what_its_schema_knows(self):
        told = {f"message.{change.action}" for change in CHANGES.values() if change.action}
        assert told == set(event_types(MESSAGES_TOPIC) or ())
