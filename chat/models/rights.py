"""Whether the owner of something may still create it: checked each time it is used.

One predicate for invites and webhooks. Nothing is stored of it, so there is nothing to forget when
somebody leaves, is demoted, banned or taken out of a group of staff.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils.translation import gettext_lazy as _

from chat.models.chats import MANAGING_ROLES, Membership

if TYPE_CHECKING:
    from chat.models.people import User

Row = TypeVar("Row", bound=models.Model, covariant=True)


class Paused(models.TextChoices):
    """Why something does not work: what has happened to its owner, whose `name` the labels take."""

    DELETED = "deleted", _("Its owner has deleted their account.")
    BANNED = "banned", _("%(name)s, who owned it, is banned.")
    GONE = "gone", _("%(name)s, who owned it, is no longer in this chat.")
    DEMOTED = "demoted", _("%(name)s, who owned it, no longer manages this chat.")
    NOT_STAFF = "not_staff", _("%(name)s, who owned it, no longer has the staff right to it.")


def manages(owner: str) -> Exists:
    """The row's chat is managed by the person of the field `owner`."""
    return Exists(_memberships(owner).active().filter(role__in=MANAGING_ROLES))


def has_staff_rights(owner: str, *permissions: str) -> Q:
    """All of them, from wherever Django's own `has_perm` takes them."""
    people = get_user_model()._default_manager
    staff: dict[str, Any] = {"pk": OuterRef(owner), "is_staff": True}
    rights = Q()
    for permission in permissions:
        rights &= Q(Exists(people.with_perm(permission).filter(**staff)))
    return rights


def _memberships(owner: str) -> Any:
    return Membership.objects.filter(chat=OuterRef("chat"), user=OuterRef(owner))


class OwnedQuerySet(models.QuerySet[Row]):
    """Rows that work in the name of their owner."""

    # The field with a row's owner.
    owner: ClassVar[str] = "owner"
    # What staff needs, all of it, to make such a row for a chat that they do not manage; none:
    # staff has no say.
    permissions: ClassVar[tuple[str, ...]] = ()

    def entitled(self) -> Self:
        """Those whose owner may still make them."""
        return self.filter(self._may_make())

    def paused(self) -> Self:
        """Those whose owner may no longer make them."""
        return self.exclude(self._may_make())

    def with_standing(self) -> Self:
        """Each with its owner, and in `paused_because` what has become of them."""
        is_in = Exists(_memberships(self.owner).active())
        was_in = Exists(_memberships(self.owner))
        because = Case(
            When(self._may_make(), then=Value("")),
            When(**{f"{self.owner}__deleted_at__isnull": False}, then=Value(Paused.DELETED)),
            When(**{f"{self.owner}__is_active": False}, then=Value(Paused.BANNED)),
            When(is_in, then=Value(Paused.DEMOTED)),
            When(was_in, then=Value(Paused.GONE)),
            default=Value(Paused.NOT_STAFF),
        )
        return self.select_related(self.owner).annotate(paused_because=because)

    def _may_make(self) -> Q:
        is_here = Q(**{f"{self.owner}__is_active": True, f"{self.owner}__deleted_at": None})
        may = Q(manages(self.owner))
        if self.permissions:
            may |= has_staff_rights(self.owner, *self.permissions)
        return is_here & may


class OftenAskedQuerySet(OwnedQuerySet[Row]):
    """Of such rows as are asked about with every batch of messages."""

    def working(self) -> Self:
        """Those that work: entitled, and whatever else it takes."""
        raise NotImplementedError

    def working_ids(self, ids: Collection[int]) -> set[int]:
        """Which of these rows are working; quick, and no query where there are no ids."""
        if not ids:
            return set()
        sql, parameters = sql_of_working(self.model)
        among = ", ".join(["%s"] * len(ids))
        condition = f'"{self.model._meta.db_table}"."id" IN ({among})'
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} AND {condition}", [*parameters, *ids])
            return {row_id for (row_id,) in cursor.fetchall()}


@functools.cache
def sql_of_working(model: type[models.Model]) -> tuple[str, tuple[Any, ...]]:
    """A query of the ids of those that are working, which ends with its conditions; and its
    parameters.

    Made once: Django takes longer (6-12 ms) to put it in words than the database to answer it.
    """
    rows: Any = model._default_manager
    sql, parameters = rows.working().order_by().values("pk").query.sql_with_params()
    return sql, tuple(parameters)


class Owned(models.Model):
    """What a row of `with_standing()` says of itself."""

    owner: models.ForeignKey[User, User]
    paused_because: str

    class Meta:
        abstract = True

    @property
    def why_paused(self) -> str:
        """In the reader's language; empty while it works."""
        if not self.paused_because:
            return ""
        return str(Paused(self.paused_because).label) % {"name": self.owner.name}
