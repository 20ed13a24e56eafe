"""Records what operators do to the bus, so that it comes into the audit log as all facts do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.dispatch import receiver

import chat.audit.sign_ins  # noqa: F401  registers its receivers
from chat.events.facts import record_fact
from chat.models import User
from messaging.signals import Operator, operated


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
