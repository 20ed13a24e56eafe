"""Brings what happened into the audit log: from the bus, and what operators do to the bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.dispatch import receiver

import chat.audit.sign_ins  # noqa: F401  registers its receivers
from chat.audit.chain import append
from chat.audit.entries import draft_of_fact, draft_of_message
from chat.events import MESSAGES_TOPIC
from chat.facts import AUDIT_TOPIC, record_fact
from chat.models import User
from messaging.events import Event
from messaging.registry import handler
from messaging.signals import Operator, operated


# Last of its batch: it has everybody's lock, which is then held for its own rows only.
@handler(topic=MESSAGES_TOPIC, name="audit", is_last=True)
def audit_messages(events: Sequence[Event]) -> None:
    append([draft_of_message(event) for event in events])


@handler(topic=AUDIT_TOPIC, name="audit", is_last=True)
def audit_facts(events: Sequence[Event]) -> None:
    append([draft_of_fact(event) for event in events])


@receiver(operated)
def record_operation(
    action: str,
    target: tuple[str, object],
    details: Mapping[str, Any],
    actor: Operator,
    **kwargs: Any,
) -> None:
    assert isinstance(actor, User | str)
    record_fact(action, actor=actor, target=target, details=details)
