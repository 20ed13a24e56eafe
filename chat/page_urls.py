"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page
from django.views.i18n import JavaScriptCatalog

from chat.views import account_care, accounts, attachments, chats, hooks, invites

words = JavaScriptCatalog.as_view(packages=["chat"])

urlpatterns = [
    path("", chats.chat_page, name="home"),
    path("chats/<int:chat_id>", chats.chat_page, name="chat"),
    path("attachments/<uuid:attachment_id>", attachments.download, name="attachment"),
    path("attachments/<uuid:attachment_id>/preview", attachments.preview, name="preview"),
    path("sign-up", accounts.sign_up, name="sign-up"),
    path("sign-in", accounts.SignInView.as_view(), name="sign-in"),
    path("sign-out", accounts.SignOutView.as_view(), name="sign-out"),
    path("profile", accounts.profile, name="profile"),
    path("profile/password", accounts.PasswordChangeView.as_view(), name="password-change"),
    path("profile/sign-ins", account_care.sign_ins, name="sign-ins"),
    path("profile/sign-ins/<int:sign_in_id>/end", account_care.end_one, name="end-sign-in"),
    path("profile/sign-ins/end", account_care.end_others, name="end-sign-ins"),
    path("profile/export/<str:form>", account_care.export, name="export"),
    path("profile/delete", account_care.delete, name="delete-account"),
    path("hooks/<str:token>", hooks.receive, name="hook"),
    path("join/<str:token>", invites.join, name="join"),
    path("i18n/language", accounts.set_language, name="set-language"),
    # The client's words in the page's language; unchanged ones are not sent again.
    path("i18n/words.js", conditional_page(gzip_page(words)), name="words"),
]
