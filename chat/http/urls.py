"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_safe
from django.views.i18n import JavaScriptCatalog

from chat.http.page_limits import page
from chat.http.pages import account_care, accounts, attachments, chats, hooks, invites
from chat.limits.doors import Unlimited
from chat.limits.table import CHANGES, DOWNLOADS, EXPORTS, JOINS, PASSWORD_CHANGES, PROFILE_CHANGES

# Of one person's language, and asked for again each time; only sent when it has changed.
words = require_safe(
    cache_control(private=True, no_cache=True)(JavaScriptCatalog.as_view(packages=["chat"]))
)

TRIES = Unlimited("Wrong passwords are counted inside: chat/http/sign_in_throttle.py.")
SIGN_UP = Unlimited("New accounts are counted inside, by address.")
HOOK = Unlimited("Nobody is signed in: counted inside, by webhook, and wrong tokens by address.")
WORDS = Unlimited("The same for everyone, and cached by the browser.")
SIGN_OUT = Unlimited("Anyone may sign out; after it there is no session.")

urlpatterns = [
    path("", page(chats.chat_page), name="home"),
    path("chats/<int:chat_id>", page(chats.chat_page), name="chat"),
    path(
        "attachments/<uuid:attachment_id>",
        page(attachments.download, reads=DOWNLOADS),
        name="attachment",
    ),
    path(
        "attachments/<uuid:attachment_id>/preview",
        page(attachments.preview, reads=DOWNLOADS),
        name="preview",
    ),
    path("sign-up", page(accounts.sign_up, reads=SIGN_UP), name="sign-up"),
    path("sign-in", page(accounts.SignInView.as_view(), reads=TRIES), name="sign-in"),
    path("sign-out", page(accounts.SignOutView.as_view(), reads=SIGN_OUT), name="sign-out"),
    path("profile", page(accounts.profile, writes=PROFILE_CHANGES), name="profile"),
    path(
        "profile/password",
        page(accounts.PasswordChangeView.as_view(), writes=PASSWORD_CHANGES),
        name="password-change",
    ),
    path("profile/sign-ins", page(account_care.sign_ins), name="sign-ins"),
    path(
        "profile/sign-ins/<int:sign_in_id>/end",
        page(account_care.end_one, writes=CHANGES),
        name="end-sign-in",
    ),
    path(
        "profile/sign-ins/end", page(account_care.end_others, writes=CHANGES), name="end-sign-ins"
    ),
    path("profile/export/<str:form>", page(account_care.export, writes=EXPORTS), name="export"),
    path(
        "profile/delete",
        page(account_care.delete, writes=TRIES),
        name="delete-account",
    ),
    path("hooks/<str:token>", page(hooks.receive, reads=HOOK), name="hook"),
    path("join/<str:token>", page(invites.join, writes=JOINS), name="join"),
    path("i18n/language", page(accounts.set_language, writes=PROFILE_CHANGES), name="set-language"),
    # The client's words in the page's language; unchanged ones are not sent again.
    path(
        "i18n/words.js",
        page(conditional_page(gzip_page(words)), reads=WORDS),
        name="words",
    ),
]
