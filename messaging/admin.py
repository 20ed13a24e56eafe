"""The pipe's tables for staff: to read, and to retry, replay or discard after a confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.dead_letters import record_of
from messaging.describing import describe
from messaging.models import DeadLetter, OutboxEvent, Receipt
from messaging.registry import registry
from messaging.replaying import discard, replay

MOST_AT_ONCE = 100  # handlers run in the request


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic when it runs
    """Rows are written by the pipe alone; who may change them may start its actions."""

    list_per_page = 50
    show_full_result_count = False
    actions_on_bottom = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_change_permission(request))

    def confirm(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        *,
        action: str,
        title: str,
        explanation: str,
        needs_reason: bool = False,
    ) -> HttpResponse | None:
        """The page that asks; None when it was answered with yes."""
        if rows.count() > MOST_AT_ONCE:
            text = gettext("At most %d at once; for more there is manage.py dead_letters.")
            self.message_user(request, text % MOST_AT_ONCE, messages.ERROR)
            return HttpResponse(status=302, headers={"Location": request.get_full_path()})
        if request.POST.get("confirmed") == "yes":
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "explanation": explanation,
            "rows": rows,
            "action": action,
            "needs_reason": needs_reason,
            "back": request.get_full_path(),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/messaging/confirm.html", context)

    def each(
        self, request: HttpRequest, rows: QuerySet[Any], change: Callable[[int], object]
    ) -> None:
        """Changes one after the other, oldest first; those that fail are named."""
        done = 0
        for pk in rows.order_by("pk").values_list("pk", flat=True):
            try:
                change(pk)
                done += 1
            except Exception as error:  # noqa: BLE001  a handler's fault is shown, not raised
                self.message_user(request, f"{pk}: {describe(error)}", messages.ERROR)
        self.message_user(request, gettext("Done: %d") % done, messages.SUCCESS)


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "event_type", "topic", "key", "status", "attempts", "created_at"]
    list_filter = ["status", "topic"]
    search_fields = ["=event_id", "=key"]
    ordering = ["-id"]
    actions = ["retry", "cancel"]

    @admin.action(permissions=["operate"], description=_("Send again what was set aside"))
    def retry(self, request: HttpRequest, rows: QuerySet[OutboxEvent]) -> HttpResponse | None:
        page = self.confirm(
            request,
            rows,
            action="retry",
            title=gettext("Send again?"),
            explanation=gettext("They go out after what their chat has sent since."),
        )
        if page is None:
            self._tell(request, OutboxEvent.objects.filter(pk__in=rows).retry())
        return page

    @admin.action(permissions=["operate"], description=_("Cancel what was not sent"))
    def cancel(self, request: HttpRequest, rows: QuerySet[OutboxEvent]) -> HttpResponse | None:
        page = self.confirm(
            request,
            rows,
            action="cancel",
            title=gettext("Cancel?"),
            explanation=gettext("They will not reach the bus. The messages themselves stay."),
        )
        if page is None:
            self._tell(request, OutboxEvent.objects.filter(pk__in=rows).cancel())
        return page

    def _tell(self, request: HttpRequest, count: int) -> None:
        self.message_user(request, gettext("Done: %d") % count, messages.SUCCESS)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ["event_id", "group", "handler", "topic", "partition", "offset", "handled_at"]
    list_filter = ["group", "handler", "topic"]
    search_fields = ["=event_id"]
    ordering = ["-id"]


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ["id", "topic", "group", "handler", "error_class", "status", "created_at"]
    list_filter = ["status", "topic", "group", "handler", "error_class"]
    search_fields = ["=event_id"]
    ordering = ["-id"]
    actions = ["replay", "discard"]
    readonly_fields = ["key_shown", "value_shown", "headers_shown"]
    exclude = ["headers"]

    @admin.display(description=_("key"))
    def key_shown(self, letter: DeadLetter) -> str:
        return repr(record_of(letter).key)

    @admin.display(description=_("value"))
    def value_shown(self, letter: DeadLetter) -> str:
        return repr(record_of(letter).value)[:20_000]

    @admin.display(description=_("headers"))
    def headers_shown(self, letter: DeadLetter) -> str:
        return "\n".join(f"{name}: {content!r}" for name, content in record_of(letter).headers)

    @admin.action(permissions=["operate"], description=_("Give to the handler again"))
    def replay(self, request: HttpRequest, rows: QuerySet[DeadLetter]) -> HttpResponse | None:
        page = self.confirm(
            request,
            rows,
            action="replay",
            title=gettext("Give to the handler again?"),
            explanation=gettext(
                "Oldest first. An event that was handled since has no second effect."
            ),
        )
        if page is None:
            self.each(request, rows, lambda pk: replay(pk, registry))
        return page

    @admin.action(permissions=["operate"], description=_("Discard"))
    def discard(self, request: HttpRequest, rows: QuerySet[DeadLetter]) -> HttpResponse | None:
        page = self.confirm(
            request,
            rows,
            action="discard",
            title=gettext("Discard?"),
            explanation=gettext(
                "They are closed without having been handled, and stay in the list."
            ),
            needs_reason=True,
        )
        if page is None:
            reason = request.POST.get("reason", "")
            self.each(request, rows, lambda pk: discard(pk, reason))
        return page
