"""What the staff pages of every app share: rows to read, actions that ask first, fast paging.

Only services write rows. A page gives an action a button; the service does it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

MAX_AT_ONCE = 100  # actions run in the request
MAX_COUNTED = 10_000  # rows of a list; counting all of a large table takes longer than its page
REASON_LENGTH = 200

Rows = QuerySet[Any]
Parse = Callable[[str], object]
Perform = TypeVar("Perform", bound=Callable[..., None])


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    @cached_property
    def count(self) -> int:
        rows: Rows = self.object_list  # type: ignore[assignment]  # lists are of rows here
        return rows.order_by()[:MAX_COUNTED].count()


class AnswerForm(forms.Form):
    """Yes, and nothing besides."""

    required_css_class = "required"


class ReasonForm(AnswerForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        widget=forms.TextInput(attrs={"size": 60, "autofocus": True}),
        help_text=_("Kept in the audit log."),
    )


def asks_first(
    *,
    permission: str,
    description: Any,
    question: Any,
    explanation: Any,
    form: type[AnswerForm] = AnswerForm,
) -> Callable[[Perform], Callable[..., HttpResponse | None]]:
    """Turns `perform(self, request, rows, answers)` into an action that asks before it runs.

    It is offered to those with `permission` ("app.codename"), in the list and on a row's own page.
    `answers` is what the form asked for (`ReasonForm`: the reason).
    """

    def decorate(perform: Perform) -> Callable[..., HttpResponse | None]:
        @functools.wraps(perform)
        def action(page: ReadOnlyAdmin, request: HttpRequest, rows: Rows) -> HttpResponse | None:
            return page.ask(request, rows, action, functools.partial(perform, page, request))

        action.short_description = description  # type: ignore[attr-defined]
        action.permission = permission  # type: ignore[attr-defined]
        action.question = question  # type: ignore[attr-defined]
        action.explanation = explanation  # type: ignore[attr-defined]
        action.form = form  # type: ignore[attr-defined]
        return action

    return decorate


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic when it runs
    """A table to read. `search_by` names its exact lookups, each with what makes a value of a text.

    Those who may view the table see the list; each action names the permission that it needs.
    """

    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    sortable_by = ()
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    actions_on_bottom = True
    change_form_template = "staff/row.html"
    search_by: ClassVar[Mapping[str, Parse]] = {}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The right to change alone is no right to look: nothing here is changed."""
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the filters beside the list ask. Django would take any lookup from the address:
        `?secret__startswith=a` reads a column that no page shows, letter by letter."""
        filters = self.get_list_filter(request)
        asked = {
            each if isinstance(each, str) else getattr(each, "parameter_name", "")
            for each in filters
        }
        return lookup.removesuffix("__exact") in asked

    def get_actions(self, request: HttpRequest) -> Any:
        actions: dict[str, Any] = super().get_actions(request)
        return {
            name: action
            for name, action in actions.items()
            if request.user.has_perm(action[0].permission)
        }

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.search_by)

    def get_search_results(
        self, request: HttpRequest, queryset: Rows, search_term: str
    ) -> tuple[Rows, bool]:
        """Rows of which one of the fields is the term, whole."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(pk__in=[])
        for field, parse in self.search_by.items():
            try:
                found |= Q(**{field: parse(term)})
            except ValueError:
                continue  # no such value: this field cannot have it
        return queryset.filter(found), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        actions = [(name, title) for name, title in self.get_action_choices(request, []) if name]
        context = {"actions": actions, "list_url": self.list_url(), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def list_url(self) -> str:
        return reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
        )

    def ask(
        self, request: HttpRequest, rows: Rows, action: Any, perform: Callable[[Rows, Any], None]
    ) -> HttpResponse | None:
        """The page that asks, until it was answered with yes."""
        chosen = list(rows[: MAX_AT_ONCE + 1])
        if len(chosen) > MAX_AT_ONCE:
            text = gettext("At most %d at once. Choose fewer, or use the command line.")
            self.message_user(request, text % MAX_AT_ONCE, messages.ERROR)
            return None
        form = action.form(request.POST if request.POST.get("confirmed") else None)
        if form.is_valid():
            perform(rows.order_by("pk"), form.cleaned_data)
            back = _own_page(request)
            return HttpResponseRedirect(back) if back else None
        context = {
            **self.admin_site.each_context(request),
            "title": action.question,
            "explanation": action.explanation,
            "rows": chosen,
            "checkbox": ACTION_CHECKBOX_NAME,
            "action": action.__name__,
            "form": form,
            "back": _own_page(request),
            "list_url": request.get_full_path(),
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "staff/ask.html", context)

    def each(
        self,
        request: HttpRequest,
        rows: Rows,
        change: Callable[[Any], object],
        *,
        errors: type[Exception],
        explain: Callable[[Exception], str],
    ) -> None:
        """Runs it on one row after the other, oldest first; rows for which it failed are named."""
        done = 0
        for row in rows:
            try:
                change(row)
                done += 1
            except errors as error:
                self.message_user(request, f"{row}: {explain(error)}", messages.ERROR)
        self.tell_done(request, done)

    def tell_done(self, request: HttpRequest, count: int) -> None:
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, gettext("Done: %d") % count, level)


def _own_page(request: HttpRequest) -> str:
    """The row's page on which the action was started; empty for the list."""
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return back if is_ours else ""


def text(value: str) -> str:
    """For `search_by`: any text that a database can hold."""
    if "\0" in value:
        raise ValueError(value)
    return value
