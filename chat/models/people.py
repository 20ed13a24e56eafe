"""People and bots."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from chat.content.lookalikes import skeleton
from chat.content.names import (
    MAX_TYPED,
    NAME_LENGTH,
    USERNAME_LENGTH,
    as_validation_error,
    check_username,
    normal_form,
    validate_username,
)
from chat.errors import ConflictError

# Of USERNAME_LENGTH letters: a Korean syllable looks like six of them.
SKELETON_LENGTH = 255
TAKEN = _("This username is taken. Choose another one.")


class PeopleManager(UserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """Ann can also sign in as ann; an exact match comes first."""
        found = sorted(
            self.named(username or ""), key=lambda user: (user.username != username, user.pk)
        )
        if not found:
            raise self.model.DoesNotExist
        return found[0]

    def named(self, typed: str) -> QuerySet[User]:
        """The people with this username, in whatever case and form it was typed.

        Several only where names that differ in case alone are older than the rules.
        """
        if len(typed) > MAX_TYPED:
            return self.none()
        name = normal_form(typed)
        # The database's own idea of lower case may end with ASCII.
        cases = {typed.strip(), name, name.upper(), name.capitalize(), name.title()}
        return self.alias(lowered=Lower("username")).filter(Q(username__in=cases) | Q(lowered=name))

    def check_free(self, name: str) -> None:
        """Of a username in its normal form. Raises ConflictError where somebody has it, or one that
        looks like it.
        """
        if self.named(name).exists():
            raise ConflictError(TAKEN)
        if self.filter(username_skeleton=skeleton(name)).exists():
            text = _("Somebody has a username that looks like this one. Choose another one.")
            raise ConflictError(text)

    def create_user(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> User:
        """Raises ValidationError, as Django's own commands expect it."""
        return super().create_user(self._new_name(username), email, password, **fields)

    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> User:
        """Reserved names are allowed: such an account speaks for the chat."""
        return super().create_superuser(self._new_name(username), email, password, **fields)

    def _new_name(self, typed: str) -> str:
        with as_validation_error():
            name = check_username(typed)
            self.check_free(name)
        return name


class User(AbstractUser):
    username = models.CharField(
        _("username"),
        max_length=USERNAME_LENGTH,
        unique=True,
        validators=[validate_username],
        error_messages={"unique": TAKEN},
    )
    # What the username looks like: nobody's could be taken for another person's. Null for bots, for
    # deleted accounts, and for the later of two accounts older than this rule.
    username_skeleton = models.CharField(
        max_length=SKELETON_LENGTH, unique=True, null=True, blank=True, editable=False
    )
    display_name = models.CharField(_("name"), max_length=NAME_LENGTH, blank=True)
    # Empty: the language follows the browser.
    language = models.CharField(_("language"), max_length=8, blank=True)
    is_bot = models.BooleanField(default=False)
    # Whether others see how far this person has read; without it this person does not see theirs.
    shares_reading = models.BooleanField(_("others see what I have read"), default=True)
    # Whether others see that this person is connected, and is typing.
    shares_presence = models.BooleanField(_("others see when I am online and typing"), default=True)
    # The account was deleted by its owner: what it wrote stays, without the name.
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[PeopleManager] = PeopleManager()

    class Meta(AbstractUser.Meta):
        verbose_name = _("person")  # type: ignore[assignment]  # the stubs say str
        verbose_name_plural = _("people")  # type: ignore[assignment]
        permissions = [("ban_user", "Can ban and unban people")]
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_any_case"),
        ]
        indexes = [models.Index(fields=["id"], name="user_bots", condition=Q(is_bot=True))]

    def __str__(self) -> str:
        """Beside a name that anybody may have stands the one that nobody else has."""
        return f"{self.display_name} @{self.username}" if self.display_name else self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and not self.is_bot:
            self.username_skeleton = skeleton(self.username)
        super().save(*args, **kwargs)

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return normal_form(username)

    @property
    def name(self) -> str:
        return self.display_name or self.username
