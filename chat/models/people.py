"""People and bots."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

NAME_LENGTH = 64
USERNAME_LENGTH = 32


class PeopleManager(UserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """Ann signs in as ann, too."""
        return self.get(username__iexact=username)


class User(AbstractUser):
    username = models.CharField(
        _("username"),
        max_length=USERNAME_LENGTH,
        unique=True,
        validators=[AbstractUser.username_validator],
        error_messages={"unique": _("This username is taken. Choose another one.")},
    )
    display_name = models.CharField(_("name"), max_length=NAME_LENGTH, blank=True)
    # Empty: the language follows the browser.
    language = models.CharField(_("language"), max_length=8, blank=True)
    is_bot = models.BooleanField(default=False)
    # Whether others see how far this person has read; without it this person does not see theirs.
    shares_reading = models.BooleanField(_("others see what I have read"), default=True)
    # Whether others see that this person is connected, and is typing.
    shares_presence = models.BooleanField(_("others see when I am here and typing"), default=True)
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

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.display_name or self.username
