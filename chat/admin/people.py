"""People: who they are, where they are signed in; bans and the rights of staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.admin.base import ChatAdmin
from chat.admin.finding import by_username, row_id
from chat.models import Notification, SignIn, User
from chat.services.people.moderation import ban_person, set_staff_rights, unban_person
from messaging.operating.staff import ReasonForm, asks_first


class RightsForm(ReasonForm):
    is_staff = forms.BooleanField(label=_("Access to the staff pages"), required=False)
    groups = forms.ModelMultipleChoiceField(
        label=_("Groups"),
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ["is_staff", "groups", "reason"]


@admin.register(User)
class UserAdmin(ChatAdmin):
    list_display = [
        "id",
        "username",
        "display_name",
        "is_active",
        "is_staff",
        "is_bot",
        "date_joined",
        "last_login",
    ]
    list_display_links = ["id", "username"]
    list_filter = ["is_active", "is_staff", "is_bot"]
    search_help_text = _("A number, @username, or the start of a username.")
    finds = {
        "": lambda text: Q(pk=row_id(text)) if text.isdigit() else Q(username__istartswith=text),
        "@": by_username("pk"),
    }
    fieldsets = [
        (None, {"fields": ["username", "display_name", "email", "language", "is_bot"]}),
        (_("Account"), {"fields": ["is_active", "date_joined", "last_login", "deleted_at"]}),
        (_("Privacy"), {"fields": ["shares_reading", "shares_presence"]}),
        (_("Staff"), {"fields": ["is_staff", "is_superuser", "groups"]}),
    ]
    readonly_fields = ["deleted_at"]
    audited_as = "person"
    lists_of_row = {
        _("Messages"): ("chat_message", "@{row.username}"),
        _("Chats"): ("chat_membership", "@{row.username}"),
        _("Sign-ins"): ("chat_signin", "@{row.username}"),
    }
    actions = ["ban", "unban", "set_rights"]

    @asks_first(
        permission="chat.ban_user",
        description=_("Ban"),
        question=_("Ban?"),
        explanation=_(
            "They are signed out everywhere at once and cannot sign in until you lift the ban."
            " What they wrote stays."
        ),
        form=ReasonForm,
    )
    def ban(self, request: HttpRequest, rows: QuerySet[User], answers: Any) -> None:
        self.each_by(request, rows, ban_person, reason=answers["reason"])

    @asks_first(
        permission="chat.ban_user",
        description=_("Lift the ban"),
        question=_("Lift the ban?"),
        explanation=_("They can sign in again."),
        form=ReasonForm,
    )
    def unban(self, request: HttpRequest, rows: QuerySet[User], answers: Any) -> None:
        self.each_by(request, rows, unban_person, reason=answers["reason"])

    @asks_first(
        permission="chat.change_user",
        description=_("Set the rights of staff"),
        question=_("Set the rights of staff?"),
        explanation=_("These replace the groups they have now."),
        form=RightsForm,
    )
    def set_rights(self, request: HttpRequest, rows: QuerySet[User], answers: Any) -> None:
        self.each_by(request, rows, set_staff_rights, **answers)


@admin.register(SignIn)
class SignInAdmin(ChatAdmin):
    list_display = ["user", "signed_in_at", "seen_at", "address", "user_agent"]
    list_select_related = ["user"]
    search_help_text = _("@username")
    finds = {"@": by_username("user")}


@admin.register(Notification)
class NotificationAdmin(ChatAdmin):
    list_display = ["id", "user", "kind", "chat", "actor", "created_at", "seen_at"]
    list_select_related = ["user", "chat", "actor"]
    list_filter = ["kind"]
    search_help_text = _("@username, chat:NUMBER")
    finds = {
        "@": by_username("user"),
        "chat": lambda number: Q(chat_id=row_id(number)),
    }
