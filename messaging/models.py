"""What the pipe keeps in the database: what waits, what was handled, what was set aside."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from messaging.signals import Operator, operated

TOPIC_LENGTH = 249  # Kafka's own limit
KEY_LENGTH = 128
NAME_LENGTH = 100
MAX_NAMED = 100  # event ids in the record of an operator's action


class OutboxEventQuerySet(models.QuerySet["OutboxEvent"]):
    def waiting(self) -> OutboxEventQuerySet:
        return self.filter(status=OutboxEvent.Status.WAITING)

    def set_aside(self) -> OutboxEventQuerySet:
        return self.filter(status=OutboxEvent.Status.ERROR)

    def without_keys(self, held: Collection[tuple[str, str]]) -> OutboxEventQuerySet:
        """Leaves out the rows of these (topic, key) pairs."""
        query = self
        for topic, key in held:
            query = query.exclude(topic=topic, key=key)
        return query

    def retry(self, *, actor: Operator) -> int:
        """Set aside or cancelled rows wait again; they go after what their key has sent since."""
        stopped = self.filter(status__in=[OutboxEvent.Status.ERROR, OutboxEvent.Status.CANCELLED])
        return stopped._operate(
            "outbox.retried", actor, status=OutboxEvent.Status.WAITING, attempts=0, last_error=""
        )

    def cancel(self, *, actor: Operator) -> int:
        """Rows that are not sent yet never will be."""
        open_ = self.filter(status__in=[OutboxEvent.Status.WAITING, OutboxEvent.Status.ERROR])
        return open_._operate("outbox.cancelled", actor, status=OutboxEvent.Status.CANCELLED)

    @transaction.atomic
    def _operate(self, action: str, actor: Operator, **changes: Any) -> int:
        rows = self
        if connection.features.has_select_for_update:
            rows = rows.select_for_update()
        event_ids = dict(rows.order_by("pk").values_list("pk", "event_id"))
        if event_ids:
            OutboxEvent.objects.filter(pk__in=list(event_ids)).update(**changes)
            named = [str(event_id) for event_id in event_ids.values()][:MAX_NAMED]
            operated.send(
                sender=OutboxEvent,
                action=action,
                target=("outbox", ""),
                details={"count": len(event_ids), "events": named},
                actor=actor,
            )
        return len(event_ids)


class PayloadField(models.TextField):  # type: ignore[type-arg]  # not generic when it runs
    """Text that is inserted with a placeholder per row.

    Django puts rows of plain fields into one array per column (UNNEST); psycopg escapes JSON in an
    array quote by quote in Python, which took twice as long as the whole insert of the messages.
    """

    def get_placeholder(self, _value: object, _compiler: object, _connection: object) -> str:
        return "%s"

    def deconstruct(self) -> Any:
        """To migrations it is plain text."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class OutboxEvent(models.Model):
    """An event, written in the transaction of the change it tells of, until the bus has it."""

    class Status(models.IntegerChoices):
        WAITING = 0, _("waiting")
        PUBLISHED = 1, _("published")
        ERROR = 2, _("set aside")
        CANCELLED = 3, _("cancelled")

    event_id = models.UUIDField(unique=True, default=uuid4, editable=False)
    topic = models.CharField(max_length=TOPIC_LENGTH)
    key = models.CharField(max_length=KEY_LENGTH)
    event_type = models.CharField(max_length=NAME_LENGTH)
    schema_version = models.PositiveSmallIntegerField(default=1)
    payload = PayloadField(help_text=_("JSON, exactly as it is sent."))
    traceparent = models.CharField(max_length=55, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    published_at = models.DateTimeField(null=True, blank=True)
    partition = models.IntegerField(null=True, blank=True)
    offset = models.BigIntegerField(null=True, blank=True)

    objects = OutboxEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("outbox event")
        verbose_name_plural = _("outbox")
        permissions = [
            ("operate_outbox", "Can send events again and cancel them"),
            ("read_outbox_payload", "Can read what events say"),
        ]
        indexes = [
            # On PostgreSQL by shard, then id (migration 0005): relays read shard by shard.
            models.Index(fields=["id"], condition=Q(status=0), name="outbox_waiting"),
            models.Index(fields=["id"], condition=Q(status=2), name="outbox_set_aside"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"


class HandledEvent(models.Model):
    """Proof that a handler's effect for an event is committed; written in the same transaction."""

    event_id = models.UUIDField()
    group = models.CharField(max_length=NAME_LENGTH)
    handler = models.CharField(max_length=NAME_LENGTH)
    topic = models.CharField(max_length=TOPIC_LENGTH)
    partition = models.IntegerField(null=True, blank=True)
    offset = models.BigIntegerField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=1)
    handled_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "messaging_receipt"
        verbose_name = _("handled event")
        verbose_name_plural = _("handled events")
        constraints = [
            models.UniqueConstraint(
                fields=["event_id", "group", "handler"], name="receipt_once_per_handler"
            )
        ]

    def __str__(self) -> str:
        return f"{self.group}/{self.handler} {self.event_id}"


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    def open(self) -> DeadLetterQuerySet:
        return self.filter(status=DeadLetter.Status.OPEN)


class DeadLetter(models.Model):
    """A record that could not be processed, with all that is needed to judge and to retry it."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        RETRIED = "replayed", _("retried")
        DISCARDED = "discarded", _("discarded")

    topic = models.CharField(max_length=TOPIC_LENGTH)
    partition = models.IntegerField(null=True, blank=True)
    offset = models.BigIntegerField(null=True, blank=True)
    record_key = models.BinaryField(null=True, editable=False)
    value = models.BinaryField(null=True, editable=False)
    headers = models.TextField(
        blank=True, default="[]", help_text=_("JSON: pairs of a name and a base64 value.")
    )
    record_timestamp = models.DateTimeField(null=True, blank=True)
    event_id = models.UUIDField(null=True, blank=True)
    group = models.CharField(max_length=NAME_LENGTH)
    handler = models.CharField(
        max_length=NAME_LENGTH,
        blank=True,
        help_text=_("Empty: it could not be given to any handler."),
    )
    error_class = models.CharField(max_length=200)
    error_message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    reason = models.TextField(blank=True, default="", help_text=_("Why it was discarded."))
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        verbose_name = _("dead letter")
        verbose_name_plural = _("dead letters")
        permissions = [
            ("operate_deadletter", "Can retry and discard dead letters"),
            ("read_deadletter_content", "Can read what dead letters say"),
        ]
        indexes = [
            models.Index(fields=["topic", "id"], condition=Q(status="open"), name="dead_open"),
        ]
        constraints = [
            # Set aside once, however often the record is delivered.
            models.UniqueConstraint(
                fields=["topic", "partition", "offset", "group", "handler"],
                condition=Q(partition__isnull=False),
                name="dead_once_per_position",
            ),
            models.UniqueConstraint(
                fields=["event_id", "group", "handler"],
                condition=Q(partition__isnull=True),
                name="dead_once_per_event",
            ),
        ]

    def __str__(self) -> str:
        where = f"{self.topic}/{self.partition}/{self.offset}"
        return f"{where} {self.handler or self.group}"


class LostRecordsQuerySet(models.QuerySet["LostRecords"]):
    def open(self) -> LostRecordsQuerySet:
        return self.filter(status=LostRecords.Status.OPEN)

    def ids(self) -> list[int]:
        return list(self.values_list("pk", flat=True))

    def settle(self) -> int:
        """Their events were found, and sent again where need was."""
        return self.open().update(status=LostRecords.Status.SETTLED)


class LostRecords(models.Model):
    """Offsets of a partition, from `first_offset` up to, not including, `end_offset`, that the bus
    removed before a group had read them."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        SETTLED = "settled", _("settled")

    group = models.CharField(max_length=NAME_LENGTH)
    topic = models.CharField(max_length=TOPIC_LENGTH)
    partition = models.IntegerField()
    first_offset = models.BigIntegerField()
    end_offset = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    noticed_at = models.DateTimeField(default=timezone.now)

    objects = LostRecordsQuerySet.as_manager()

    class Meta:
        verbose_name = _("lost records")
        verbose_name_plural = _("lost records")
        constraints = [
            # Told once, whichever member notices it and however often.
            models.UniqueConstraint(
                fields=["group", "topic", "partition", "first_offset", "end_offset"],
                name="lost_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.topic}/{self.partition}/{self.first_offset}"


class ProcessState(models.Model):
    """What a running process last said of itself, for those who look from other processes."""

    name = models.CharField(max_length=20, primary_key=True)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40, db_default="")
    per_minute = models.FloatField(
        _("a minute"), db_default=0.0, help_text=_("How much it has done lately.")
    )
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it ended as it was told to.")
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class ConsumerState(ProcessState):
    """Of a running consumer."""

    group = models.CharField(max_length=NAME_LENGTH)
    partitions = models.PositiveIntegerField(help_text=_("How many it reads."))
    lacking = models.TextField(
        blank=True, default="", help_text=_("Topics that it is not given, one a line, and why.")
    )
    lag_records = models.PositiveBigIntegerField(
        null=True, help_text=_("How far its group is behind, if that is known.")
    )
    lag_seconds = models.FloatField(null=True)

    class Meta:
        verbose_name = _("consumer")
        verbose_name_plural = _("consumers")

    def __str__(self) -> str:
        return f"{self.group} {super().__str__()}"


class RelayState(ProcessState):
    """Of a running relay."""

    bus = models.CharField(max_length=20)
    shards = models.PositiveSmallIntegerField(
        db_default=0, help_text=_("How many of the 16 shards of all keys it works for.")
    )
    breaker = models.CharField(max_length=10)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("relay")
        verbose_name_plural = _("relay")

    def __str__(self) -> str:
        return f"{self.bus} {super().__str__()}"
