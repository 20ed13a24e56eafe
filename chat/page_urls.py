"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.http import conditional_page
from django.views.i18n import JavaScriptCatalog

from chat.views import accounts, chats

words = JavaScriptCatalog.as_view(packages=["chat"])

urlpatterns = [
    path("", chats.chat_page, name="home"),
    path("chats/<int:chat_id>", chats.chat_page, name="chat"),
    path("sign-up", accounts.sign_up, name="sign-up"),
    path("sign-in", accounts.SignInView.as_view(), name="sign-in"),
    path("sign-out", accounts.SignOutView.as_view(), name="sign-out"),
    path("profile", accounts.profile, name="profile"),
    path("profile/password", accounts.PasswordChangeView.as_view(), name="password-change"),
    path("i18n/language", accounts.set_language, name="set-language"),
    # The client's words in the page's language; unchanged ones are not sent again.
    path("i18n/words.js", conditional_page(words), name="words"),
]
