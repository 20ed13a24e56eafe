"""The pipe's tables for staff: to read, and to send again, retry or discard once confirmed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.describing import describe
from messaging.errors import InvalidEventError
from messaging.handling.dead_letter_retries import discard, event_of, retry
from messaging.handling.dead_letters import record_of
from messaging.handling.registry import registry
from messaging.models import (
    ConsumerState,
    DeadLetter,
    HandledEvent,
    LostRecords,
    OutboxEvent,
    RelayState,
)
from messaging.operating.staff import ReadOnlyAdmin, ReasonForm, asks_first, text
from messaging.signals import Operator

MAX_SHOWN = 20_000  # characters of a record's value
MAX_KINDS = 30  # of faults, in the filter of the dead letters

# What all processes say of themselves.
PROCESS = ["host", "pid", "version", "per_minute", "started_at", "seen_at", "stopped_at"]

Lookups = list[tuple[str, Any]]


def operator_of(request: HttpRequest) -> Operator:
    """Nobody else comes so far: AdminSite.admin_view asks everyone to sign in."""
    assert isinstance(request.user, AbstractBaseUser)
    return request.user


class TopicFilter(admin.SimpleListFilter):
    """Topics that have a handler: asking a large table for its own takes too long."""

    title = _("topic")
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        topics = {topic for group in registry.groups() for topic in registry.topics(group)}
        return [(topic, topic) for topic in sorted(topics)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(topic=self.value()) if self.value() else queryset


class GroupFilter(admin.SimpleListFilter):
    title = _("group")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(group, group) for group in registry.groups()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(group=self.value()) if self.value() else queryset


class FaultFilter(admin.SimpleListFilter):
    """What went wrong with the open letters, the most frequent first: topic, handler and error."""

    title = _("what went wrong")
    parameter_name = "fault"
    FIELDS = ("topic", "handler", "error_class")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        kinds = DeadLetter.objects.open().values_list(*self.FIELDS).annotate(count=Count("pk"))
        return [
            ("|".join(kind), f"{' · '.join(filter(None, kind))} ({count})")
            for *kind, count in kinds.order_by("-count")[:MAX_KINDS]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        parts = (self.value() or "").split("|")
        if len(parts) != len(self.FIELDS):
            return queryset
        return queryset.filter(**dict(zip(self.FIELDS, parts, strict=True)))


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "event_type", "topic", "key", "status", "attempts", "created_at"]
    list_filter = ["status", TopicFilter]
    search_by = {"event_id": UUID, "key": text}
    search_help_text = _("An event id, or a key (a chat number).")
    actions = ["retry", "cancel"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = [field.name for field in self.opts.fields if field.name != "payload"]
        may_read = request.user.has_perm("messaging.read_outbox_payload")
        return [*fields, "payload"] if may_read else fields

    @asks_first(
        permission="messaging.operate_outbox",
        description=_("Send set-aside events again"),
        question=_("Send again?"),
        explanation=_("They go out after whatever their chat has sent since."),
    )
    def retry(self, request: HttpRequest, rows: QuerySet[OutboxEvent], answers: Any) -> None:
        chosen = OutboxEvent.objects.filter(pk__in=rows)
        self.tell_done(request, chosen.retry(actor=operator_of(request)))

    @asks_first(
        permission="messaging.operate_outbox",
        description=_("Cancel unsent events"),
        question=_("Cancel?"),
        explanation=_("They will never reach the bus. The messages themselves stay."),
    )
    def cancel(self, request: HttpRequest, rows: QuerySet[OutboxEvent], answers: Any) -> None:
        chosen = OutboxEvent.objects.filter(pk__in=rows)
        self.tell_done(request, chosen.cancel(actor=operator_of(request)))


@admin.register(HandledEvent)
class HandledEventAdmin(ReadOnlyAdmin):
    list_display = ["event_id", "group", "handler", "topic", "partition", "offset", "handled_at"]
    list_filter = [GroupFilter, TopicFilter]
    search_by = {"event_id": UUID}
    search_help_text = _("An event id.")


@admin.register(RelayState)
class RelayStateAdmin(ReadOnlyAdmin):
    ordering = ("-seen_at",)
    list_display = ["name", "bus", "shards", "breaker", *PROCESS]


@admin.register(ConsumerState)
class ConsumerStateAdmin(ReadOnlyAdmin):
    ordering = ("-seen_at",)
    list_display = [
        "name",
        "group",
        "partitions",
        "lacking",
        "lag_records",
        "lag_seconds",
        *PROCESS,
    ]


@admin.register(LostRecords)
class LostRecordsAdmin(ReadOnlyAdmin):
    list_display = [
        *("id", "group", "topic", "partition", "first_offset", "end_offset", "status"),
        "noticed_at",
    ]
    list_filter = ["status", GroupFilter]


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ["id", "topic", "group", "handler", "error_class", "status", "created_at"]
    list_filter = ["status", FaultFilter, GroupFilter]
    search_by = {"event_id": UUID, "record_key": str.encode}
    search_help_text = _("An event id, or a key (a chat number).")
    actions = ["retry", "retry_key", "discard"]
    # What a record says, and errors that may quote it.
    CONTENT = ["key_shown", "value_shown", "headers_shown", "error_message", "traceback"]
    readonly_fields = ["schema_result", *CONTENT[:3]]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        left_out = {"headers", "record_key", "value", *self.CONTENT}
        fields = [field.name for field in self.opts.fields if field.name not in left_out]
        may_read = request.user.has_perm("messaging.read_deadletter_content")
        return [*fields, "schema_result", *(self.CONTENT if may_read else [])]

    @admin.display(description=_("by its schema"))
    def schema_result(self, letter: DeadLetter) -> str:
        """Fields and rules, never a value."""
        try:
            event_of(letter)
        except InvalidEventError as error:
            return str(error)
        return gettext("A valid record: the handler could not process it.")

    @admin.display(description=_("key"))
    def key_shown(self, letter: DeadLetter) -> str:
        return repr(record_of(letter).key)

    @admin.display(description=_("value"))
    def value_shown(self, letter: DeadLetter) -> str:
        return repr(record_of(letter).value)[:MAX_SHOWN]

    @admin.display(description=_("headers"))
    def headers_shown(self, letter: DeadLetter) -> str:
        return "\n".join(f"{name}: {content!r}" for name, content in record_of(letter).headers)

    @asks_first(
        permission="messaging.operate_deadletter",
        description=_("Retry"),
        question=_("Retry?"),
        explanation=_("Oldest first. An event that has been handled since has no second effect."),
    )
    def retry(self, request: HttpRequest, rows: QuerySet[DeadLetter], answers: Any) -> None:
        # A handler's fault, whatever it is, is shown, not raised.
        self.each(
            request,
            rows,
            lambda letter: retry(letter.pk, registry, actor=operator_of(request)),
            errors=Exception,
            explain=describe,
        )

    @admin.action(description=_("Retry all open dead letters of the same chats, in order"))
    def retry_key(self, request: HttpRequest, rows: QuerySet[DeadLetter]) -> HttpResponse | None:
        keys = rows.values("record_key")
        topics = rows.values("topic")
        same = DeadLetter.objects.open().filter(record_key__in=keys, topic__in=topics)
        return self.retry(request, same)

    retry_key.permission = "messaging.operate_deadletter"  # type: ignore[attr-defined]

    @asks_first(
        permission="messaging.operate_deadletter",
        description=_("Discard"),
        question=_("Discard?"),
        explanation=_("They are closed without being handled, and stay in the list."),
        form=ReasonForm,
    )
    def discard(self, request: HttpRequest, rows: QuerySet[DeadLetter], answers: Any) -> None:
        self.each(
            request,
            rows,
            lambda letter: discard(letter.pk, answers["reason"], actor=operator_of(request)),
            errors=Exception,
            explain=describe,
        )
