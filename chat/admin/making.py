"""Rows that staff makes by a service: the form asks the service, and shows what it says."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from chat.admin.base import ChatAdmin, staff_of
from chat.errors import ChatError
from chat.models import User


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
