"""Writes to the audit log what happened to messages, and all other facts."""

from __future__ import annotations

from collections.abc import Sequence

from chat.audit.chain import append
from chat.audit.entries import draft_of_fact, draft_of_message
from messaging.contract.events import Event


def audit_messages(events: Sequence[Event]) -> None:
    append([draft_of_message(event) for event in events])


def audit_facts(events: Sequence[Event]) -> None:
    append([draft_of_fact(event) for event in events])
