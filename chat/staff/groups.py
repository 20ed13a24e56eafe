"""The three groups of staff and what each may do: exactly this, after every `manage.py migrate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.apps import AppConfig
from django.apps import apps as installed
from django.contrib.auth.models import Group, Permission
from django.db.models.signals import post_migrate
from django.dispatch import receiver

PEOPLE: Final = {"chat.view_user", "chat.view_signin"}
CHATS: Final = {
    "chat.view_chat",
    "chat.view_membership",
    "chat.view_invite",
    "chat.view_invitation",
}
MESSAGES: Final = {
    "chat.view_message",
    "chat.view_messageedit",
    "chat.view_reaction",
    "chat.view_attachment",
}
REPORTS: Final = {"chat.view_report", "chat.change_report"}
RECORDS: Final = {"chat.view_auditentry", "chat.view_activitycount"}
PIPE: Final = {
    "messaging.view_outboxevent",
    "messaging.view_handledevent",
    "messaging.view_deadletter",
    "chat.view_webprocess",
    "messaging.view_relaystate",
    "messaging.view_consumerstate",
    "messaging.view_lostrecords",
}
WEBHOOKS: Final = {
    "chat.view_webhook",
    "chat.view_webhookdelivery",
    "chat.view_incomingwebhook",
}

GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "Moderators": frozenset(
        PEOPLE
        | CHATS
        | MESSAGES
        | REPORTS
        | {"chat.hide_message", "chat.read_all_messages", "chat.ban_user", "chat.view_auditentry"}
    ),
    "Operators": frozenset(
        PIPE
        | WEBHOOKS
        | {
            "chat.view_chat",
            "chat.view_activitycount",
            "chat.change_webhook",
            "chat.change_incomingwebhook",
            "messaging.operate_outbox",
            "messaging.operate_deadletter",
            "messaging.read_deadletter_content",
        }
    ),
    # They read everything but what people wrote, and change nothing.
    "Auditors": frozenset(
        PEOPLE | CHATS | MESSAGES | RECORDS | PIPE | WEBHOOKS | {"chat.view_notification"}
    ),
}


@receiver(post_migrate)
def write_groups(sender: AppConfig, using: str, apps: Any = installed, **kwargs: Any) -> None:
    """After auth's own step: by then the permissions of chat and messaging are written."""
    if sender.label != "auth" or not _has_groups(apps):
        return
    known = {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.using(using).values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    for name, permissions in GROUPS.items():
        group, _created = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set(known[each] for each in permissions if each in known)


def _has_groups(apps: Any) -> bool:
    """Not while auth itself is being taken away."""
    try:
        apps.get_model("auth", "Group")
    except LookupError:
        return False
    return True
