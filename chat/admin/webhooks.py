"""Webhooks: made, tried, switched, and what came of each delivery."""

from __future__ import annotations

from typing import Any, ClassVar
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
from chat.models import Chat, IncomingWebhook, User, Webhook, WebhookDelivery
from chat.services import incoming_webhooks, webhook_deliveries, webhooks
from messaging.staff import asks_first

MOST_TESTS = 5
CHANGE = webhooks.STAFF_PERMISSION
CHANGE_INCOMING = incoming_webhooks.STAFF_PERMISSION


def in_words(sentence: str) -> str:
    """A sentence that is stored in English, in the reader's language."""
    return gettext(sentence) if sentence else ""


class MakingForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """A row that a service makes; what the service says against it stands in the form."""

    actor: ClassVar[User]

    def make(self, fields: dict[str, Any]) -> None:
        """Sets `made`. Raises ChatError."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.make(fields)
            except ChatError as error:
                self.add_error(None, str(error.detail))
        return fields


class WebhookForm(MakingForm):
    class Meta:
        model = Webhook
        fields = ["name", "url", "chat"]
        help_texts = {"chat": _("The number of a chat. Empty: all chats, direct ones, too.")}

    def make(self, fields: dict[str, Any]) -> None:
        self.made = webhooks.create_webhook(
            actor=self.actor, chat_id=_id_of(fields["chat"]), name=fields["name"], url=fields["url"]
        )


class IncomingWebhookForm(MakingForm):
    class Meta:
        model = IncomingWebhook
        fields = ["name", "chat"]

    def make(self, fields: dict[str, Any]) -> None:
        self.made, self.token = incoming_webhooks.create_incoming_webhook(
            actor=self.actor, chat_id=fields["chat"].pk, name=fields["name"]
        )


def _id_of(chat: Chat | None) -> int | None:
    return chat.pk if chat else None


class MakingAdmin(ChatAdmin):
    """Rows that staff makes by a service, which says once what nobody can read later."""

    add_form_template = "admin/change_form.html"
    making_form: type[MakingForm]
    permission = ""
    raw_id_fields = ("chat",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(self.permission))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Without Django's transaction around it: services have their own, and first look up a
        name, during which nobody else could write on SQLite."""
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = type("Form", (self.making_form,), {"actor": staff_of(request)})
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.making_form._meta.fields if obj is None else super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has made it."""
        obj.__dict__.update(form.made.__dict__)
        self.show_once(request, form)

    def show_once(self, request: HttpRequest, form: Any) -> None:
        raise NotImplementedError

    def tell_secret(self, request: HttpRequest, text: str, secret: str) -> None:
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

    def show_once(self, request: HttpRequest, form: Any) -> None:
        self._show_secret(request, form.made)

    def _show_secret(self, request: HttpRequest, webhook: Webhook) -> None:
        text = gettext("The secret of “%s”, shown only now. Enter it at the receiver:")
        self.tell_secret(request, text % webhook.name, webhook.secret)

    @asks_first(
        permission=CHANGE,
        description=_("Send a test"),
        question=_("Send a test?"),
        explanation=_("The receiver gets a webhook.test at once, past what waits."),
    )
    def try_out(self, request: HttpRequest, rows: QuerySet[Webhook], answers: Any) -> None:
        if rows.count() > MOST_TESTS:
            text = gettext("At most %d at once: each may take ten seconds.") % MOST_TESTS
            self.message_user(request, text, messages.ERROR)
            return
        for webhook in rows:
            outcome = webhooks.try_webhook(staff_of(request), webhook)
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

    def show_once(self, request: HttpRequest, form: Any) -> None:
        text = gettext("The address of “%s”, shown only now. Whoever knows it may post:")
        address = request.build_absolute_uri(reverse("hook", args=[form.token]))
        self.tell_secret(request, text % form.made.name, address)

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
