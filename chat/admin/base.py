"""What the chat's pages add: search terms, services as actions, links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from chat.admin.finding import Meanings, find
from chat.errors import ChatError
from chat.models import User
from messaging.operating.staff import ReadOnlyAdmin, Rows


def staff_of(request: HttpRequest) -> User:
    """Who asks: on these pages nobody is without a name."""
    assert isinstance(request.user, User)
    return request.user


class ChatAdmin(ReadOnlyAdmin):
    # What a word of the search box means: see chat.admin.finding.
    finds: ClassVar[Meanings] = {}
    # What the audit log calls such a row.
    audited_as: ClassVar[str] = ""
    # Links of a row's page: words, then a list's name and what is looked for in it.
    lists_of_row: ClassVar[dict[Any, tuple[str, str]]] = {}

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("pk",) if self.finds else ()  # shows the box

    def get_search_results(
        self, request: HttpRequest, queryset: Rows, search_term: str
    ) -> tuple[Rows, bool]:
        return queryset.filter(find(search_term, self.finds)), False

    def each_by(
        self, request: HttpRequest, rows: Rows, service: Callable[..., object], **given: Any
    ) -> None:
        """Does what a service does to each row, in the name of who asks."""
        self.each(
            request,
            rows,
            lambda row: service(request.user, row.pk, **given),
            errors=ChatError,
            explain=str,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {"links": self.links(request, row) if row else [], **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def links(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        """To lists about the row, as far as this person may see them."""
        wanted = dict(self.lists_of_row)
        if self.audited_as:
            wanted[_("Audit")] = ("chat_auditentry", f"{self.audited_as}:{{row.pk}}")
        return [
            (list_address(name, words.format(row=row)), title)
            for title, (name, words) in wanted.items()
            if request.user.has_perm(name.replace("_", ".view_"))
        ]


def list_address(name: str, words: str) -> str:
    """A list with something in its search box."""
    return f"{reverse(f'admin:{name}_changelist')}?{urlencode({'q': words})}"
