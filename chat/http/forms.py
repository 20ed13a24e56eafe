"""Forms of the account pages: what a person may type, and what is said when it cannot be taken."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.content.names import (
    MAX_TYPED,
    NAME_LENGTH,
    USERNAME_LENGTH,
    as_validation_error,
    check_not_reserved,
    check_username,
    normal_form,
)
from chat.errors import TooManyError
from chat.http.sign_in_throttle import Attempt, OwnPassword
from chat.models import User
from chat.services.people.people import check_own_name

THEMES = [
    ("", _("Same as the system")),
    ("light", _("Light")),
    ("dark", _("Dark")),
]


class UsernameField(forms.CharField):
    """Normalised first, then checked: what is typed may be longer than what is kept."""

    def to_python(self, value: Any) -> str:
        typed = super().to_python(value) or ""
        return normal_form(typed) if len(typed) <= MAX_TYPED else typed


def refused_for_now(error: TooManyError) -> ValidationError:
    return ValidationError(str(error.detail), code=error.code)


def is_throttled(form: forms.BaseForm) -> bool:
    """Whether the password was not even looked at."""
    errors = form.errors.as_data().values()
    return any(error.code == TooManyError.code for found in errors for error in found)


def check_own_password(request: HttpRequest, user: User, password: str) -> str:
    """Raises ValidationError."""
    try:
        if OwnPassword(request, user).is_right(password):
            return password
    except TooManyError as error:
        raise refused_for_now(error) from error
    raise ValidationError(_("The password is wrong."))


class SignInForm(auth_forms.AuthenticationForm):
    """Checks the throttle before the password, so that a guess over the limit tells nothing."""

    error_messages = {
        **auth_forms.AuthenticationForm.error_messages,
        "invalid_login": _("The username or password is wrong. Check both and try again."),
    }

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if not username or not password or self.request is None:
            return super().clean()
        attempt = Attempt.of(self.request, username)
        try:
            attempt.begin()
        except TooManyError as error:
            raise refused_for_now(error) from error
        cleaned = super().clean()
        attempt.succeeded()
        return cleaned


class SignUpForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    username = UsernameField(
        label=_("Username"),
        max_length=USERNAME_LENGTH,
        help_text=_("Letters of one alphabet, digits and . _ - + @. Others can find you by it."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters, and not a common password."),
    )

    class Meta:
        model = User
        fields = ["username", "display_name"]
        help_texts = {"display_name": _("How others see you. You can leave it empty.")}
        widgets = {"display_name": forms.TextInput(attrs={"autocomplete": "name"})}

    def clean_display_name(self) -> str:
        with as_validation_error():
            return check_own_name(self.cleaned_data["display_name"])

    def clean_username(self) -> str:
        with as_validation_error():
            name = check_username(self.cleaned_data["username"])
            check_not_reserved(name)
            User.objects.check_free(name)
        return name

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        # After the other fields: a password like the username is refused.
        password = self.cleaned_data.get("password")
        if password:
            try:
                password_validation.validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("password", error)


class ProfileForm(forms.Form):
    display_name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=NAME_LENGTH,
        help_text=_("How others see you. Empty: your username."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(label=_("Language"), required=False)
    theme = forms.ChoiceField(label=_("Colours"), required=False, choices=THEMES)
    shares_reading = forms.BooleanField(
        label=_("Others see what I have read"),
        required=False,
        help_text=_("If you turn this off, you do not see what others have read either."),
    )
    shares_presence = forms.BooleanField(
        label=_("Others see when I am online and typing"),
        required=False,
        help_text=_("If you turn this off, you do not see it for others either."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        language.choices = [("", _("As the browser prefers")), *own_names_of_languages()]

    def clean_display_name(self) -> str:
        with as_validation_error():
            return check_own_name(self.cleaned_data["display_name"], user=self.user)


class DeleteAccountForm(forms.Form):
    """The username by hand and the password: nobody deletes an account by accident."""

    username = forms.CharField(
        label=_("Your username"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if normal_form(username) != normal_form(self.user.username):
            raise ValidationError(_("This is not your username."))
        return username

    def clean_password(self) -> str:
        return check_own_password(self.request, self.user, self.cleaned_data["password"])


class PasswordChangeForm(auth_forms.PasswordChangeForm):
    def __init__(self, request: HttpRequest, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request, self.person = request, user

    def clean_old_password(self) -> str:
        return check_own_password(self.request, self.person, self.cleaned_data["old_password"])


def own_names_of_languages() -> list[tuple[str, str]]:
    """Each language in itself: whoever looks for it can read it."""
    own = {"en": "English", "ru": "Русский"}
    return [(code, own.get(code, str(name))) for code, name in settings.LANGUAGES]
