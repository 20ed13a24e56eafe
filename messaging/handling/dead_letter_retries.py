"""Retries dead letters with their handlers, or discards them. Idempotent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from messaging.contract.events import Event
from messaging.contract.validation import decode
from messaging.describing import clean, describe
from messaging.errors import InvalidEventError, PermanentError
from messaging.handling.dead_letters import record_of
from messaging.handling.dispatch import handle_once
from messaging.handling.registry import Handler, Registry
from messaging.models import DeadLetter
from messaging.signals import Operator, operated

logger = logging.getLogger(__name__)


class NotOpenError(PermanentError):
    """Raised when a letter has already been retried or discarded."""


def retry(letter_id: int, registry: Registry, *, actor: Operator) -> None:
    """Effects, handled events and the letter's new status in one transaction.

    Raises NotOpenError, DeadLetter.DoesNotExist, or what the handler raised: then the letter stays
    open, with the new error.
    """
    try:
        with transaction.atomic():
            letter = _locked(letter_id)
            event = event_of(letter)
            handle_once([event], handlers_of(letter, registry), group=letter.group)
            _close(letter, DeadLetter.Status.RETRIED, actor)
    except (NotOpenError, DeadLetter.DoesNotExist):
        raise
    except Exception as error:
        # Whatever the handler raises is recorded, and passed on to the caller.
        _note_failure(letter_id, error)
        raise
    logger.info("Dead letter retried", extra={"dead_letter": letter_id, "topic": letter.topic})


def discard(letter_id: int, reason: str, *, actor: Operator) -> None:
    """Raises NotOpenError, DeadLetter.DoesNotExist, ValueError without a reason."""
    if not reason.strip():
        raise ValueError("Say why you discard it.")
    with transaction.atomic():
        letter = _locked(letter_id)
        letter.reason = clean(reason, longest=2000)
        _close(letter, DeadLetter.Status.DISCARDED, actor)
    logger.info("Dead letter discarded", extra={"dead_letter": letter_id, "topic": letter.topic})


def event_of(letter: DeadLetter) -> Event:
    """Raises InvalidEventError when the record still breaks its contract."""
    event = decode(record_of(letter))
    return event if letter.partition is not None else replace(event, position=None)


def handlers_of(letter: DeadLetter, registry: Registry) -> Sequence[Handler]:
    """The handler that failed; all of the group's for a record that no handler was given.

    Raises InvalidEventError when the handler no longer exists.
    """
    found = registry.handlers(letter.topic, letter.group)
    chosen = [handler for handler in found if letter.handler in ("", handler.name)]
    if not chosen:
        raise InvalidEventError(f"group {letter.group} no longer has a handler {letter.handler}")
    return chosen


def _locked(letter_id: int) -> DeadLetter:
    letters = DeadLetter.objects.all()
    if connection.features.has_select_for_update:
        letters = letters.select_for_update()
    letter = letters.get(pk=letter_id)
    if letter.status != DeadLetter.Status.OPEN:
        raise NotOpenError(f"dead letter {letter_id} is already {letter.get_status_display()}")
    return letter


def _close(letter: DeadLetter, status: DeadLetter.Status, actor: Operator) -> None:
    letter.status = status
    letter.closed_at = timezone.now()
    letter.save(update_fields=["status", "closed_at", "reason"])
    operated.send(
        sender=DeadLetter,
        action=f"dead_letter.{status.value}",
        target=("dead_letter", letter.pk),
        details={
            "topic": letter.topic,
            "group": letter.group,
            "handler": letter.handler,
            "event": str(letter.event_id or ""),
            "reason": letter.reason,
        },
        actor=actor,
    )


def _note_failure(letter_id: int, error: Exception) -> None:
    try:
        DeadLetter.objects.filter(pk=letter_id).update(
            attempts=F("attempts") + 1,
            error_class=type(error).__name__,
            error_message=clean(str(error), longest=2000),
        )
    except DatabaseError as obstacle:
        logger.warning("The new error could not be recorded: %s", describe(obstacle))
