"""Outgoing webhooks: made, tried, switched, taken over, and what came of each delivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin, staff_of
from chat.admin.finding import row_id
from chat.admin.making import MakingAdmin, MakingForm
from chat.admin.owning import OwnedAdmin, PausedFilter
from chat.errors import ChatError
from chat.models import Chat, Webhook, WebhookDelivery
from chat.webhooks import deliveries as webhook_deliveries
from chat.webhooks import outgoing as webhooks
from messaging.operating.staff import asks_first

MAX_TESTS = 5
CHANGE = webhooks.STAFF_PERMISSION


class WebhookForm(MakingForm):
    class Meta:
        model = Webhook
        fields = ["name", "url", "chat"]
        help_texts = {"chat": _("A chat number. Empty: all chats, including direct ones.")}

    def make(self, fields: dict[str, Any]) -> None:
        self.made = webhooks.create_webhook(
            actor=self.actor, chat_id=_id_of(fields["chat"]), name=fields["name"], url=fields["url"]
        )


def _id_of(chat: Chat | None) -> int | None:
    return chat.pk if chat else None


@admin.register(Webhook)
class WebhookAdmin(OwnedAdmin, MakingAdmin):
    list_display = [
        "id",
        "name",
        "chat",
        "owner",
        "url",
        "is_active",
        "paused",
        "failures",
        "failing_since",
    ]
    list_filter = ["is_active", PausedFilter]
    list_select_related = ["chat", "owner"]
    search_help_text = _("A number, or chat: and a chat number.")
    finds = {
        "": lambda text: Q(pk=row_id(text)),
        "chat": lambda text: Q(chat_id=row_id(text)),
    }
    readonly_fields = ["reason", "paused"]
    exclude = ["switched_off_reason"]
    audited_as = "webhook"
    lists_of_row = {_("Deliveries"): ("chat_webhookdelivery", "webhook:{row.pk}")}
    making_form = WebhookForm
    permission = CHANGE
    actions = ["try_out", "switch_on", "switch_off", "rotate", "take_over", "remove"]

    @admin.display(description=_("reason for switching off"))
    def reason(self, webhook: Webhook) -> str:
        return webhook.why_off

    def show_once(self, request: HttpRequest, form: Any) -> None:
        self._show_secret(request, form.made)

    def _show_secret(self, request: HttpRequest, webhook: Webhook) -> None:
        text = gettext("The secret of “%s”, shown only once. Enter it at the receiver:")
        self.tell_secret(request, text % webhook.name, webhook.secret)

    @asks_first(
        permission=CHANGE,
        description=_("Send a test"),
        question=_("Send a test?"),
        explanation=_("The receiver gets a webhook.test at once, ahead of waiting deliveries."),
    )
    def try_out(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        if rows.count() > MAX_TESTS:
            text = gettext("At most %d at once: each may take ten seconds.") % MAX_TESTS
            self.message_user(request, text, messages.ERROR)
            return
        for webhook in rows:
            try:
                outcome = webhooks.try_webhook(staff_of(request), webhook)
            except ChatError as error:
                self.message_user(request, f"{webhook}: {error}", messages.ERROR)
                continue
            values = {
                "name": webhook.name,
                "status": outcome.response_status or "–",
                "milliseconds": outcome.milliseconds or 0,
            }
            text = gettext("“%(name)s”: answer %(status)s after %(milliseconds)s ms.") % values
            level = messages.ERROR if outcome.error else messages.SUCCESS
            self.message_user(request, f"{text} {outcome.what_failed}", level)

    @asks_first(
        permission=CHANGE,
        description=_("Switch on"),
        question=_("Switch on?"),
        explanation=_("Waiting deliveries go out at once, in order within each chat."),
    )
    def switch_on(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        self._switch(request, rows, active=True)

    @asks_first(
        permission=CHANGE,
        description=_("Switch off"),
        question=_("Switch off?"),
        explanation=_(
            "Waiting deliveries keep waiting. Messages written while it is off are never sent to"
            " it."
        ),
    )
    def switch_off(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        self._switch(request, rows, active=False)

    def _switch(self, request: HttpRequest, rows: QuerySet[Webhook], *, active: bool) -> None:
        self.each(
            request,
            rows,
            lambda row: webhooks.set_webhook_active(
                actor=staff_of(request), webhook_id=row.pk, chat_id=row.chat_id, active=active
            ),
            errors=ChatError,
            explain=str,
        )

    @asks_first(
        permission=CHANGE,
        description=_("Give a new secret"),
        question=_("Give a new secret?"),
        explanation=_(
            "From now on everything is signed with it. Receivers reject our requests until you"
            " enter it there."
        ),
    )
    def rotate(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        for row in rows:
            webhook = webhooks.rotate_secret(
                actor=staff_of(request), webhook_id=row.pk, chat_id=row.chat_id
            )
            self._show_secret(request, webhook)

    @asks_first(
        permission=CHANGE,
        description=_("Take over"),
        question=_("Take over?"),
        explanation=_(
            "You become their owner: they work while you may create them. Waiting deliveries go"
            " to the same addresses, signed with a new secret that is shown once."
        ),
    )
    def take_over(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        def take(row: Webhook) -> None:
            webhook = webhooks.take_over_webhook(
                actor=staff_of(request), webhook_id=row.pk, chat_id=row.chat_id
            )
            self._show_secret(request, webhook)

        self.each(request, rows, take, errors=ChatError, explain=str)

    @asks_first(
        permission=CHANGE,
        description=_("Delete"),
        question=_("Delete?"),
        explanation=_("Its list of deliveries is deleted too. Waiting deliveries are not sent."),
    )
    def remove(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        self.each(
            request,
            rows,
            lambda row: webhooks.delete_webhook(
                actor=staff_of(request), webhook_id=row.pk, chat_id=row.chat_id
            ),
            errors=ChatError,
            explain=str,
        )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ChatAdmin):
    """Without the body: who may see this list need not be allowed to read every chat."""

    list_display = [
        "id",
        "webhook",
        "event_type",
        "chat_id",
        "status",
        "attempts",
        "response_status",
        "milliseconds",
        "next_try",
        "finished_at",
    ]
    list_filter = ["status"]
    list_select_related = ["webhook"]
    search_help_text = _("A number, or webhook:, chat: or event: followed by an id.")
    finds = {
        "": lambda text: Q(pk=row_id(text)),
        "webhook": lambda text: Q(webhook_id=row_id(text)),
        "chat": lambda text: Q(chat_id=row_id(text)),
        "event": lambda text: Q(event_id=UUID(text)),
    }
    readonly_fields = ["what_failed", "next_try"]
    exclude = ["body", "error", "next_attempt_at"]
    actions = ["send_again", "give_up"]

    @admin.display(description=_("what failed"))
    def what_failed(self, delivery: WebhookDelivery) -> str:
        return delivery.what_failed

    @admin.display(description=_("next try"))
    def next_try(self, delivery: WebhookDelivery) -> Any:
        is_waiting = delivery.status == WebhookDelivery.Status.WAITING
        return delivery.next_attempt_at if is_waiting else None

    @asks_first(
        permission=CHANGE,
        description=_("Send again"),
        question=_("Send again?"),
        explanation=_(
            "Under the same id, so a receiver that already has it can tell. Waiting deliveries"
            " are tried now."
        ),
    )
    def send_again(
        self, request: HttpRequest, rows: QuerySet[WebhookDelivery], answers: Any
    ) -> None:
        self._each(request, rows, webhook_deliveries.send_again)

    @asks_first(
        permission=CHANGE,
        description=_("Give up"),
        question=_("Give up?"),
        explanation=_("They are not sent. Deliveries waiting behind them in their chats continue."),
    )
    def give_up(self, request: HttpRequest, rows: QuerySet[WebhookDelivery], answers: Any) -> None:
        self._each(request, rows, webhook_deliveries.give_up)

    def _each(self, request: HttpRequest, rows: QuerySet[WebhookDelivery], service: Any) -> None:
        self.each(
            request,
            rows.select_related("webhook"),
            lambda row: service(actor=staff_of(request), webhook=row.webhook, delivery_id=row.pk),
            errors=ChatError,
            explain=str,
        )
