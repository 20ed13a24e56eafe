"""What a person was told of, as the browser shows it. Reads only."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count
from django.utils import timezone

from chat.content.text import excerpt
from chat.models import Invitation, Membership, Notification, User
from chat.models.notifications import NotificationQuerySet
from chat.wire.payloads import Payload, sender_payload, timestamp

PAGE_NOTIFICATIONS = 30
# More than that nobody counts.
MAX_COUNTED = 1000
# What a chat's own count of mentions is made of; a direct chat's messages are its unread ones.
ABOUT_ONESELF = (Notification.Kind.MENTION, Notification.Kind.REPLY)


def notifications_page(user: User, *, before: int | None = None) -> Payload:
    """The newest, seen or not, or those older than the one with the id `before`; what is unseen."""
    rows = Notification.objects.of(user).readable()
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(_newest_first(rows)[: PAGE_NOTIFICATIONS + 1])
    return {
        "notifications": [notification_payload(row) for row in found[:PAGE_NOTIFICATIONS]],
        "more": len(found) > PAGE_NOTIFICATIONS,
        "unseen": _count(Notification.objects.of(user).pending()),
        "mentions": mention_counts(user),
    }


def unseen_notifications(user: User) -> Payload:
    """How many wait to be seen, and the newest of them."""
    pending = Notification.objects.of(user).pending()
    # Mostly there are none, which is found without all that they are shown with.
    ids = list(pending.order_by("-pk").values_list("pk", flat=True)[:PAGE_NOTIFICATIONS])
    shown = _newest_first(Notification.objects.filter(pk__in=ids)) if ids else []
    newest = [notification_payload(row) for row in shown]
    is_all = len(newest) < PAGE_NOTIFICATIONS
    return {
        "unseen": len(newest) if is_all else _count(pending),
        "newest": newest,
    }


def unseen_notifications_of(people: Collection[User]) -> dict[int, Payload]:
    """The same of each of these people, by person. Most have none: one query finds who has."""
    pending = Notification.objects.filter(user__in=people).pending()
    waited_for = set(pending.order_by().values_list("user_id", flat=True).distinct())
    return {
        user.pk: unseen_notifications(user) if user.pk in waited_for else _none_unseen()
        for user in people
    }


def _none_unseen() -> Payload:
    return {"unseen": 0, "newest": []}


def mention_counts(user: User) -> dict[int, int]:
    """Mentions of the person and replies to them that wait to be seen, by chat."""
    waiting = Notification.objects.of(user).unread().filter(kind__in=ABOUT_ONESELF)
    return dict(waiting.order_by().values_list("chat_id").annotate(count=Count("pk")))


def waiting_mentions(
    user_ids: Collection[int], chat_ids: Collection[int]
) -> dict[tuple[int, int], int]:
    """The same of several people in some chats, by person and chat."""
    waiting = Notification.objects.filter(user__in=user_ids, chat__in=chat_ids).unread()
    about = waiting.filter(kind__in=ABOUT_ONESELF).order_by().values_list("user_id", "chat_id")
    return {(user, chat): count for user, chat, count in about.annotate(count=Count("pk"))}


def notification_payload(notification: Notification) -> Payload:
    message = notification.message
    return {
        "id": notification.pk,
        "kind": notification.kind,
        "chat_id": notification.chat_id,
        "actor": sender_payload(notification.actor),
        "message": message
        and {"id": message.pk, "seq": message.seq, "content": excerpt(message.content)},
        "created_at": timestamp(notification.created_at),
        "seen": notification.seen_at is not None,
        **_invitation_payload(notification.invitation),
    }


def _invitation_payload(invitation: Invitation | None) -> Payload:
    """What can be accepted, with as much of the chat as its door says; others are spared it."""
    if invitation is None:
        return {}
    return {
        "invitation": {
            "id": invitation.pk,
            "title": invitation.chat.title,
            "expires_at": timestamp(invitation.expires_at),
        }
    }


def notify_payload(membership: Membership) -> Payload:
    """Of what this member hears in the chat while looking elsewhere."""
    until = membership.muted_until
    is_muted = until is not None and until > timezone.now()
    return {"notify": membership.notify, "muted_until": timestamp(until) if is_muted else None}


def _count(pending: NotificationQuerySet) -> int:
    return pending[:MAX_COUNTED].count()


def _newest_first(rows: NotificationQuerySet) -> NotificationQuerySet:
    return rows.select_related("actor", "message", "invitation__chat").order_by("-pk")
