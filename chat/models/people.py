"""People and bots."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

NAME_LENGTH = 64


class PeopleManager(UserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """Ann signs in as ann, too."""
        return self.get(username__iexact=username)


class User(AbstractUser):
    username = models.CharField(
        _("username"),
        max_length=32,
        unique=True,
        validators=[AbstractUser.username_validator],
        error_messages={"unique": _("This username is taken. Choose another one.")},
    )
    display_name = models.CharField(_("name"), max_length=NAME_LENGTH, blank=True)
    # Empty: the language follows the browser.
    language = models.CharField(_("language"), max_length=8, blank=True)
    is_bot = models.BooleanField(default=False)

    objects: ClassVar[PeopleManager] = PeopleManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_any_case"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.display_name or self.username
