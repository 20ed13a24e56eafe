"""Webhooks: made, tried, switched, and what came of each delivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin, staff_of
from chat.admin.finding import row_id
from chat.errors import ChatError
from chat.models import IncomingWebhook, Webhook, WebhookDelivery
from chat.services import incoming_webhooks, webhook_deliveries, webhooks
from chat.text import check_title
from messaging.staff import asks_first

CHANGE = webhooks.STAFF_PERMISSION
CHANGE_INCOMING = incoming_webhooks.STAFF_PERMISSION


def in_words(sentence: str) -> str:
    """A sentence that is stored in English, in the reader's language."""
    return gettext(sentence) if sentence else ""


def checked(check: Any, value: str) -> str:
    """What a service would say of it, as a form says it."""
    try:
        return str(check(value))
    except ChatError as error:
        raise forms.ValidationError(str(error.detail)) from None


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    class Meta:
        model = Webhook
        fields = ["name", "url", "chat"]
        help_texts = {"chat": _("The number of a chat. Empty: all chats, direct ones, too.")}

    def clean_name(self) -> str:
        return checked(check_title, self.cleaned_data["name"])

    def clean_url(self) -> str:
        return checked(webhooks.check_url, self.cleaned_data["url"])


class IncomingWebhookForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    class Meta:
        model = IncomingWebhook
        fields = ["name", "chat"]

    def clean_name(self) -> str:
        return checked(check_title, self.cleaned_data["name"])


class MakingAdmin(ChatAdmin):
    """Rows that staff makes by a service, which says once what nobody can read later."""

    add_form_template = "admin/change_form.html"
    making_form: type[forms.ModelForm[Any]]
    permission = ""
    raw_id_fields = ("chat",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(self.permission))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = self.making_form
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.making_form._meta.fields if obj is None else super().get_fields(request, obj)

    def show_once(self, request: HttpRequest, text: str, secret: str) -> None:
        self.message_user(request, f"{text} {secret}", messages.WARNING)


@admin.register(Webhook)
class WebhookAdmin(MakingAdmin):
    list_display = ["id", "name", "chat", "url", "is_active", "failures", "failing_since"]
    list_filter = ["is_active"]
    list_select_related = ["chat"]
    search_help_text = _("A number, or chat: and the number of a chat.")
    finds = {
        "": lambda text: Q(pk=row_id(text)),
        "chat": lambda text: Q(chat_id=row_id(text)),
    }
    readonly_fields = ["reason"]
    exclude = ["switched_off_reason"]
    audited_as = "webhook"
    lists_of_row = {_("Deliveries"): ("chat_webhookdelivery", "webhook:{row.pk}")}
    making_form = WebhookForm
    permission = CHANGE
    actions = ["try_out", "switch_on", "switch_off", "rotate", "remove"]

    @admin.display(description=_("switched off because"))
    def reason(self, webhook: Webhook) -> str:
        return in_words(webhook.switched_off_reason)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = webhooks.create_webhook(
            actor=staff_of(request), chat_id=obj.chat_id, name=obj.name, url=obj.url
        )
        obj.pk = made.pk
        self._show_secret(request, made)

    def _show_secret(self, request: HttpRequest, webhook: Webhook) -> None:
        text = gettext("The secret of “%s”, shown only now. Enter it at the receiver:")
        self.show_once(request, text % webhook.name, webhook.secret)

    @asks_first(
        permission=CHANGE,
        description=_("Send a test"),
        question=_("Send a test?"),
        explanation=_("The receiver gets a webhook.test at once, past what waits."),
    )
    def try_out(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        for webhook in rows:
            outcome = webhooks.try_webhook(webhook)
            values = {
                "name": webhook.name,
                "status": outcome.response_status or "–",
                "milliseconds": outcome.milliseconds,
            }
            text = gettext("“%(name)s”: answer %(status)s after %(milliseconds)s ms.") % values
            level = messages.ERROR if outcome.error else messages.SUCCESS
            self.message_user(request, f"{text} {in_words(outcome.error)}", level)

    @asks_first(
        permission=CHANGE,
        description=_("Switch on"),
        question=_("Switch on?"),
        explanation=_("What waits goes out at once, in the order of each chat."),
    )
    def switch_on(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        self._switch(request, rows, active=True)

    @asks_first(
        permission=CHANGE,
        description=_("Switch off"),
        question=_("Switch off?"),
        explanation=_(
            "What waits goes on waiting. What is written while it is off is not noted for it."
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
            "Everything is signed with it from now on; receivers that know the old one alone refuse"
            " it until it is entered there."
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
        description=_("Delete"),
        question=_("Delete?"),
        explanation=_("With the list of its deliveries. What waits is not sent."),
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
    search_help_text = _("A number, or webhook:, chat: or event: and an id.")
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
        return in_words(delivery.error)

    @admin.display(description=_("next try"))
    def next_try(self, delivery: WebhookDelivery) -> Any:
        is_waiting = delivery.status == WebhookDelivery.Status.WAITING
        return delivery.next_attempt_at if is_waiting else None

    @asks_first(
        permission=CHANGE,
        description=_("Send again"),
        question=_("Send again?"),
        explanation=_(
            "Under the same id, so a receiver that has it already can tell."
            " What waits is tried now."
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
        explanation=_("They are not sent. What waits behind them in their chats goes on."),
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


@admin.register(IncomingWebhook)
class IncomingWebhookAdmin(MakingAdmin):
    list_display = ["id", "name", "chat", "bot", "created_at", "last_used_at", "revoked_at"]
    list_select_related = ["chat", "bot"]
    search_help_text = _("A number, or chat: and the number of a chat.")
    finds = {
        "": lambda text: Q(pk=row_id(text)),
        "chat": lambda text: Q(chat_id=row_id(text)),
    }
    audited_as = "incoming_webhook"
    making_form = IncomingWebhookForm
    permission = CHANGE_INCOMING
    actions = ["revoke"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made, token = incoming_webhooks.create_incoming_webhook(
            actor=staff_of(request), chat_id=obj.chat_id, name=obj.name
        )
        obj.pk, obj.bot = made.pk, made.bot
        text = gettext("The address of “%s”, shown only now. Whoever knows it may post:")
        self.show_once(
            request, text % made.name, request.build_absolute_uri(reverse("hook", args=[token]))
        )

    @asks_first(
        permission=CHANGE_INCOMING,
        description=_("Revoke"),
        question=_("Revoke?"),
        explanation=_("Its address is good for nothing from now on. What its bot wrote stays."),
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
