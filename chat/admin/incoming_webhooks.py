"""Incoming webhooks: made, taken over, revoked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.base import staff_of
from chat.admin.finding import row_id
from chat.admin.making import MakingAdmin, MakingForm
from chat.admin.owning import OwnedAdmin, PausedFilter
from chat.errors import ChatError
from chat.models import IncomingWebhook
from chat.webhooks import incoming as incoming_webhooks
from messaging.operating.staff import asks_first

CHANGE = incoming_webhooks.STAFF_PERMISSION


class IncomingWebhookForm(MakingForm):
    class Meta:
        model = IncomingWebhook
        fields = ["name", "chat"]

    def make(self, fields: dict[str, Any]) -> None:
        self.made, self.token = incoming_webhooks.create_incoming_webhook(
            actor=self.actor, chat_id=fields["chat"].pk, name=fields["name"]
        )


@admin.register(IncomingWebhook)
class IncomingWebhookAdmin(OwnedAdmin, MakingAdmin):
    list_display = [
        "id",
        "name",
        "chat",
        "bot",
        "owner",
        "paused",
        "created_at",
        "last_used_at",
        "revoked_at",
    ]
    list_filter = [PausedFilter]
    list_select_related = ["chat", "bot", "owner"]
    readonly_fields = ["paused"]
    search_help_text = _("A number, or chat: and a chat number.")
    finds = {
        "": lambda text: Q(pk=row_id(text)),
        "chat": lambda text: Q(chat_id=row_id(text)),
    }
    audited_as = "incoming_webhook"
    making_form = IncomingWebhookForm
    permission = CHANGE
    actions = ["take_over", "revoke"]

    def show_once(self, request: HttpRequest, form: Any) -> None:
        self._show_address(request, form.made, form.token)

    def _show_address(self, request: HttpRequest, webhook: IncomingWebhook, token: str) -> None:
        text = gettext("The address of “%s”, shown only once. Anyone who knows it can post:")
        address = request.build_absolute_uri(reverse("hook", args=[token]))
        self.tell_secret(request, text % webhook.name, address)

    @asks_first(
        permission=CHANGE,
        description=_("Take over"),
        question=_("Take over?"),
        explanation=_(
            "You become their owner: they work while you may create them. Each gets a new"
            " address, shown once; the old one stops working."
        ),
    )
    def take_over(
        self, request: HttpRequest, rows: QuerySet[IncomingWebhook], answers: Any
    ) -> None:
        def take(row: IncomingWebhook) -> None:
            webhook, token = incoming_webhooks.take_over_incoming_webhook(
                actor=staff_of(request), webhook_id=row.pk, chat_id=row.chat_id
            )
            self._show_address(request, webhook, token)

        self.each(request, rows, take, errors=ChatError, explain=str)

    @asks_first(
        permission=CHANGE,
        description=_("Revoke"),
        question=_("Revoke?"),
        explanation=_("Its address stops working. What its bot wrote stays."),
    )
    def revoke(self, request: HttpRequest, rows: QuerySet[IncomingWebhook], answers: Any) -> None:
        self.each(
            request,
            rows,
            lambda row: incoming_webhooks.revoke_incoming_webhook(
                actor=staff_of(request), webhook_id=row.pk, chat_id=row.chat_id
            ),
            errors=ChatError,
            explain=str,
        )
