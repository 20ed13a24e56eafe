"""Who has blocked whom: stored one way, effective both ways."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from chat.models.people import User


class BlockQuerySet(models.QuerySet["Block"]):
    def by(self, user: User) -> BlockQuerySet:
        return self.filter(blocker=user)

    def against(self, user: User) -> BlockQuerySet:
        return self.filter(blocked=user)

    def between(self, one_id: int, other_id: int) -> BlockQuerySet:
        """Whichever of the two has blocked the other."""
        return self.filter(
            Q(blocker=one_id, blocked=other_id) | Q(blocker=other_id, blocked=one_id)
        )

    def touching(self, user_ids: Collection[int]) -> BlockQuerySet:
        """Of any of these people, on either side."""
        return self.filter(Q(blocker__in=user_ids) | Q(blocked__in=user_ids))

    def among(self, user_ids: Collection[int]) -> BlockQuerySet:
        return self.filter(blocker__in=user_ids, blocked__in=user_ids)

    def pairs(self) -> set[tuple[int, int]]:
        """Each both ways round: one look-up answers whether two people are kept apart."""
        found = set(self.values_list("blocker_id", "blocked_id"))
        return found | {(blocked, blocker) for blocker, blocked in found}


class Block(models.Model):
    blocker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="blocks",
        db_index=False,  # the constraint's index begins with it
    )
    blocked = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocked_by"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = BlockQuerySet.as_manager()

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_once"),
            models.CheckConstraint(
                condition=~Q(blocker=F("blocked")), name="block_of_somebody_else"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.blocker_id} has blocked {self.blocked_id}"
