"""Sign up, sign in, sign out, profile, password and language."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from chat.addresses import address_group, client_address
from chat.errors import ChatError, TooManyError
from chat.http.forms import (
    PasswordChangeForm,
    ProfileForm,
    SignInForm,
    SignUpForm,
    is_throttled,
    refused_for_now,
)
from chat.http.sign_in_throttle import remember_browser
from chat.limits.counting import Count, take
from chat.limits.table import SIGN_UPS
from chat.models import User
from chat.services.people.people import (
    change_language,
    change_password,
    change_privacy,
    change_profile,
    create_person,
    recheck_sessions,
)
from chat.services.people.sign_ins import end_sign_ins, move_sign_in

YEAR_SECONDS = 365 * 24 * 3600


def safe_next(request: HttpRequest) -> str:
    """Where to go on: a path of this site, never another one's address."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_ours else ""


class SignInView(auth_views.LoginView):
    template_name = "chat/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        remember_browser(
            response, account=form.get_user().get_username(), secure=settings.SESSION_COOKIE_SECURE
        )
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 429 if is_throttled(form) else 200
        return response


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            take(Count(SIGN_UPS, address_group(client_address(request))))
        except TooManyError as error:
            form.add_error(None, refused_for_now(error))
            page = {"form": form, "next": safe_next(request)}
            return render(request, "chat/sign_up.html", page, status=error.status)
        user = _make_account(form)
        if user is not None:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            response = redirect(safe_next(request) or resolve_url("home"))
            remember_browser(response, account=user.username, secure=settings.SESSION_COOKIE_SECURE)
            return response
    return render(request, "chat/sign_up.html", {"form": form, "next": safe_next(request)})


def _make_account(form: SignUpForm) -> User | None:
    fields = form.cleaned_data
    try:
        return create_person(
            username=fields["username"],
            display_name=fields["display_name"],
            password=fields["password"],
        )
    except ChatError as error:
        # Somebody took the name between the check and now.
        form.add_error("username", str(error.detail))
        return None


class SignOutView(auth_views.LogoutView):
    """By POST only: a link or a picture elsewhere cannot sign anyone out."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user = request.user
        response = super().post(request, *args, **kwargs)
        if isinstance(user, User):
            recheck_sessions(user)
        return response


class PasswordChangeView(auth_views.PasswordChangeView):
    template_name = "chat/password_change.html"
    form_class = PasswordChangeForm
    success_url = reverse_lazy("profile")

    @method_decorator(never_cache)
    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(*args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 429 if is_throttled(form) else 200
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        old_key = self.request.session.session_key
        change_password(user=form.user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(self.request, form.user)
        new_key = self.request.session.session_key
        move_sign_in(old_key=old_key, new_key=new_key)
        end_sign_ins(user=form.user, except_key=new_key)
        recheck_sessions(form.user)
        messages.success(
            self.request, _("Your password is changed. Other devices must sign in again.")
        )
        return redirect(self.get_success_url())


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    initial = {
        "display_name": request.user.display_name,
        "language": request.user.language,
        "theme": request.COOKIES.get(settings.THEME_COOKIE_NAME, ""),
        "shares_reading": request.user.shares_reading,
        "shares_presence": request.user.shares_presence,
    }
    form = ProfileForm(request.POST or None, initial=initial, user=request.user)
    if request.method == "POST" and form.is_valid():
        fields = form.cleaned_data
        change_profile(user=request.user, display_name=fields["display_name"])
        change_language(user=request.user, language=fields["language"])
        change_privacy(
            user=request.user,
            shares_reading=fields["shares_reading"],
            shares_presence=fields["shares_presence"],
        )
        with translation.override(fields["language"] or translation.get_language()):
            messages.success(request, _("Saved."))
        response = redirect("profile")
        _set_cookie(response, settings.THEME_COOKIE_NAME, fields["theme"])
        return response
    return render(request, "chat/profile.html", {"form": form})


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """The switch at the foot of each account page; a signed-in person's choice is kept."""
    response = redirect(safe_next(request) or resolve_url("home"))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        _set_cookie(response, settings.LANGUAGE_COOKIE_NAME, language)
        if isinstance(request.user, User):
            change_language(user=request.user, language=language)
    return response


def _set_cookie(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=YEAR_SECONDS if value else 0,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
