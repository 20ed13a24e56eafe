"""Who answers for a webhook, and what message ids are made of. The rows get theirs in 0015."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

NOTIFICATION_KINDS = [
    ("mention", "mention"),
    ("reply", "reply"),
    ("direct", "direct message"),
    ("invite", "invitation"),
    ("webhook", "webhook switched off"),
    ("paused", "webhook paused"),
]


def owner():
    return models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [("chat", "0013_usernames_look_different")]

    operations = [
        migrations.AddField("webhook", "owner", owner()),
        migrations.AddField("incomingwebhook", "owner", owner()),
        migrations.AddField(
            "incomingwebhook", "namespace", models.UUIDField(null=True, editable=False)
        ),
        migrations.AlterField(
            "notification", "kind", models.CharField(choices=NOTIFICATION_KINDS, max_length=8)
        ),
    ]
