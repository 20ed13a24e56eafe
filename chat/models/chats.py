"""Chats and who is in them, with each member's cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.content.text import TITLE_LENGTH

if TYPE_CHECKING:
    from chat.models.people import User


class ChatQuerySet(models.QuerySet["Chat"]):
    def with_member(self, user: User) -> ChatQuerySet:
        return self.filter(memberships__user=user, memberships__left_at__isnull=True)

    def open_to_all(self) -> ChatQuerySet:
        return self.filter(kind=Chat.Kind.PUBLIC)

    def counted(self) -> Any:
        """With `people`: how many are in each now, by their memberships."""
        people = Membership.objects.active().people().filter(chat=OuterRef("pk")).order_by()
        count = people.values("chat").annotate(count=Count("pk")).values("count")
        return self.annotate(people=Coalesce(Subquery(count), 0))

    def direct_of(self, user: User) -> ChatQuerySet:
        return self.filter(kind=Chat.Kind.DIRECT, memberships__user=user)

    def locked_in_order(self) -> ChatQuerySet:
        """Takes the rows' locks, always in id order, so that two writers never wait for each other.

        FOR NO KEY UPDATE: rows that refer to a chat can still be inserted meanwhile.
        """
        return self.order_by("pk").select_for_update(no_key=True)


class Chat(models.Model):
    class Kind(models.TextChoices):
        DIRECT = "direct", _("direct")
        GROUP = "group", _("group")
        PUBLIC = "public", _("public")

    kind = models.CharField(max_length=8, choices=Kind)
    title = models.CharField(max_length=TITLE_LENGTH, blank=True)
    # "3:17" for a direct chat of the people 3 and 17: there is one at most.
    direct_key = models.CharField(max_length=48, unique=True, null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_chats"
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_message_at = models.DateTimeField(null=True, blank=True)
    # Note [Order within a chat]: only the holder of this row's lock moves `last_seq` and
    # `revision`, in the transaction that writes the messages. So both are without gaps, and the
    # order of commits is the order of seq, of revision and of outbox ids within a chat.
    last_seq = models.PositiveBigIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0)
    published_seq = models.PositiveBigIntegerField(default=0)
    # Of a direct chat in which nothing may be written: one of the two has blocked the other, or an
    # account is gone. Read with the lock that every post takes anyway, and only ever written under
    # it (chat/services/chats/direct_chats.py).
    is_closed = models.BooleanField(default=False, db_default=False, editable=False)
    # How many people are in it now. Written with each membership that begins or ends, under this
    # row's lock, so that the largest of all public chats are found without counting.
    member_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = ChatQuerySet.as_manager()

    class Meta:
        verbose_name = _("chat")
        verbose_name_plural = _("chats")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="direct", direct_key__isnull=False)
                | (~Q(kind="direct") & Q(direct_key__isnull=True)),
                name="chat_direct_has_key",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "title"], name="chat_kind_title"),
            models.Index(
                fields=["-member_count", "title", "id"],
                name="chat_public_by_members",
                condition=Q(kind="public"),
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.kind} chat {self.pk}"

    @property
    def is_direct(self) -> bool:
        return self.kind == self.Kind.DIRECT

    def partner_of(self, user_id: int) -> int:
        """The other one of a direct chat, by id."""
        low, high = map(int, (self.direct_key or "").split(":"))
        return high if user_id == low else low


def of_member(field: str) -> Subquery:
    """Of a membership's person. Looked up for one member after the other: for a join PostgreSQL
    reads all people there are, to find the thousand of a large chat."""
    people = get_user_model()._default_manager.filter(pk=OuterRef("user"))
    return Subquery(people.values(field))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> MembershipQuerySet:
        return self.filter(left_at__isnull=True)

    def removed(self) -> MembershipQuerySet:
        """Removed, and not yet let back in: no way leads in."""
        return self.filter(
            left_at__isnull=False, removed_at__isnull=False, let_back_at__isnull=True
        )

    def people(self) -> MembershipQuerySet:
        """Without the bots of webhooks: they read nothing, own nothing and fill no group."""
        bots = get_user_model()._default_manager.filter(is_bot=True).values("pk")
        return self.exclude(user__in=bots)

    def with_names(self) -> Any:
        """With `username` and `display_name`, to find and to sort by."""
        return self.alias(username=of_member("username"), display_name=of_member("display_name"))

    def unread(self) -> MembershipQuerySet:
        return self.active().filter(chat__last_seq__gt=F("read_seq"))


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        ADMIN = "admin", _("admin")
        MEMBER = "member", _("member")

    class Notify(models.TextChoices):
        """Of what a member wants to hear while looking elsewhere."""

        ALL = "all", _("every message")
        MENTIONS = "mentions", _("mentions and replies")
        NOTHING = "nothing", _("nothing")

    chat = models.ForeignKey(
        Chat, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=8, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now)
    # Null: in the chat now. With `removed_at` somebody else ended it; without, they left by will.
    left_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    # A removed person who has been let back in may join again.
    let_back_at = models.DateTimeField(null=True, blank=True)
    # Cumulative, only forward: up to this seq everything has arrived at, was read by, this person.
    delivered_seq = models.PositiveBigIntegerField(default=0)
    read_seq = models.PositiveBigIntegerField(default=0)
    notify = models.CharField(max_length=8, choices=Notify, default=Notify.ALL)
    # Until then nothing rings, whatever `notify` says; it is kept to be seen all the same.
    muted_until = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["chat", "user"], name="membership_once"),
        ]
        indexes = [
            models.Index(
                fields=["chat", "removed_at"],
                name="membership_removed",
                condition=Q(removed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.chat_id}"

    @property
    def is_removed(self) -> bool:
        """Stays out until a manager lets them back; see MembershipQuerySet.removed."""
        return self.has_ended and self.removed_at is not None and self.let_back_at is None

    @property
    def was_left(self) -> bool:
        """The person left: nobody puts them back in, they are invited."""
        return self.has_ended and self.removed_at is None

    @property
    def has_ended(self) -> bool:
        return self.left_at is not None

    @property
    def may_manage(self) -> bool:
        return self.role in MANAGING_ROLES


def direct_key(one_id: int, other_id: int) -> str:
    low, high = sorted((one_id, other_id))
    return f"{low}:{high}"


MANAGING_ROLES = frozenset({Membership.Role.OWNER, Membership.Role.ADMIN})
