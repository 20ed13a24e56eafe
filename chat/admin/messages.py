"""Messages and what hangs on them: to read, to hide and to restore.

What was written is shown to those with the right to read all messages; others see that it is there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin
from chat.admin.finding import by_username, row_id
from chat.content.text import excerpt
from chat.models import Attachment, Message, MessageEdit, Reaction
from chat.reads.trace import read_trace
from chat.services.people.moderation import hide_message, restore_message
from messaging.operating.ids_by_time import first_id_since
from messaging.operating.staff import ReasonForm, asks_first

READ_ALL = "chat.read_all_messages"
NEIGHBOURS = 5  # messages shown before and after one


class StateFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("hidden", _("hidden")), ("deleted", _("deleted")), ("edited", _("edited"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"hidden", "deleted", "edited"}:
            return queryset
        return queryset.filter(**{f"{self.value()}_at__isnull": False})


class AgeFilter(admin.SimpleListFilter):
    title = _("written")
    parameter_name = "age"
    HOURS = {"hour": 1, "day": 24, "week": 24 * 7, "month": 24 * 30}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("hour", _("within an hour")),
            ("day", _("within a day")),
            ("week", _("within a week")),
            ("month", _("within 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        hours = self.HOURS.get(self.value() or "")
        if hours is None:
            return queryset
        since = timezone.now() - timedelta(hours=hours)
        first = first_id_since(Message, "created_at", since)
        return queryset.filter(pk__gte=first, created_at__gte=since)


def _place(text: str) -> Q:
    chat, _colon, seq = text.partition(":")
    return Q(chat_id=row_id(chat), seq=row_id(seq))


@admin.register(Message)
class MessagePage(ChatAdmin):
    list_display = ["id", "place", "chat", "sender", "created_at", "state"]
    list_display_links = ["id", "place"]
    list_select_related = ["chat", "sender"]
    list_filter = [StateFilter, AgeFilter]
    search_help_text = _("A message number, CHAT:PLACE, chat:NUMBER or @username.")
    finds = {
        "": lambda number: Q(pk=row_id(number)),
        "place": _place,
        "chat": lambda number: Q(chat_id=row_id(number)),
        "@": by_username("sender"),
    }
    fields = [
        "place",
        "chat",
        "sender",
        "state",
        "created_at",
        "edited_at",
        "deleted_at",
        "hidden_at",
        "hidden_by",
        "hidden_reason",
        "reply_to",
        "client_message_id",
    ]
    readonly_fields = ["place", "state", "content_shown"]
    change_form_template = "staff/message.html"
    audited_as = "message"
    lists_of_row = {
        _("Earlier versions"): ("chat_messageedit", "message:{row.pk}"),
        _("Reactions"): ("chat_reaction", "message:{row.pk}"),
        _("Attachments"): ("chat_attachment", "message:{row.pk}"),
    }
    actions = ["hide", "restore"]

    def get_list_display(self, request: HttpRequest) -> Any:
        words = ["beginning"] if request.user.has_perm(READ_ALL) else []
        return [*self.list_display, *words]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        words = ["content_shown"] if request.user.has_perm(READ_ALL) else []
        return [*words, *self.fields]

    @admin.display(description=_("place"))
    def place(self, message: Message) -> str:
        return f"{message.chat_id}:{message.seq}"

    @admin.display(description=_("status"))
    def state(self, message: Message) -> str:
        if message.is_deleted:
            return gettext("deleted")
        if message.is_hidden:
            return gettext("hidden")
        return gettext("edited") if message.edited_at else ""

    @admin.display(description=_("start"))
    def beginning(self, message: Message) -> str:
        return excerpt(message.content)

    @admin.display(description=_("text"))
    def content_shown(self, message: Message) -> str:
        return message.content

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        message = self.get_object(request, object_id)
        context: dict[str, Any] = {"may_read": request.user.has_perm(READ_ALL)}
        if message is not None:
            context |= {"around": _around(message), "trace": read_trace(message)}
        context |= extra_context or {}
        return super().change_view(request, object_id, form_url, context)

    @asks_first(
        permission="chat.hide_message",
        description=_("Hide"),
        question=_("Hide?"),
        explanation=_(
            "The text disappears for everyone in the chat, on open pages at once, until you"
            " restore it."
        ),
        form=ReasonForm,
    )
    def hide(self, request: HttpRequest, rows: QuerySet[Message], answers: Any) -> None:
        self.each_by(request, rows, hide_message, reason=answers["reason"])

    @asks_first(
        permission="chat.hide_message",
        description=_("Restore"),
        question=_("Restore?"),
        explanation=_("The text is shown again, on open pages at once."),
        form=ReasonForm,
    )
    def restore(self, request: HttpRequest, rows: QuerySet[Message], answers: Any) -> None:
        self.each_by(request, rows, restore_message, reason=answers["reason"])


def _around(message: Message) -> list[Message]:
    """The message among those that stand next to it."""
    chat = Message.objects.filter(chat_id=message.chat_id).select_related("sender")
    before = chat.before_seq(message.seq)[:NEIGHBOURS]
    return [*reversed(before), *chat.from_seq(message.seq)[: NEIGHBOURS + 1]]


class OfMessageAdmin(ChatAdmin):
    search_help_text = _("message:NUMBER")
    finds = {"message": lambda number: Q(message_id=row_id(number))}


@admin.register(MessageEdit)
class MessageEditPage(OfMessageAdmin):
    list_display = ["id", "message", "edited_at"]
    list_select_related = ["message"]

    def get_list_display(self, request: HttpRequest) -> Any:
        words = ["beginning"] if request.user.has_perm(READ_ALL) else []
        return [*self.list_display, *words]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        words = ["content"] if request.user.has_perm(READ_ALL) else []
        return ["message", "edited_at", *words]

    @admin.display(description=_("start"))
    def beginning(self, edit: MessageEdit) -> str:
        return excerpt(edit.content)


@admin.register(Reaction)
class ReactionPage(OfMessageAdmin):
    list_display = ["id", "message", "user", "emoji", "created_at"]
    list_select_related = ["message", "user"]


@admin.register(Attachment)
class AttachmentPage(OfMessageAdmin):
    """What was sent, without the file itself: that is for those who are in the chat."""

    ordering = ("-created_at", "-pk")
    list_display = ["id", "kind", "uploader", "chat", "message", "size", "created_at"]
    list_select_related = ["uploader", "chat", "message"]
    list_filter = ["kind"]
    search_help_text = _("message:NUMBER, chat:NUMBER, @username")
    finds = {
        **OfMessageAdmin.finds,
        "chat": lambda number: Q(chat_id=row_id(number)),
        "@": by_username("uploader"),
    }
    fields = [
        "kind",
        "content_type",
        "size",
        "width",
        "height",
        "uploader",
        "chat",
        "message",
        "created_at",
    ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        words = ["name"] if request.user.has_perm(READ_ALL) else []
        return [*words, *self.fields]
