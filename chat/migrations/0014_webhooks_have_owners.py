"""Whoever made a webhook answers for it; ids of messages no longer hang on a token's hash."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F

BATCH = 500
NOTIFICATION_KINDS = [
    ("mention", "mention"),
    ("reply", "reply"),
    ("direct", "direct message"),
    ("invite", "invitation"),
    ("webhook", "webhook switched off"),
    ("paused", "webhook paused"),
]


def give_to_makers(apps, schema_editor):
    for name in ("Webhook", "IncomingWebhook"):
        apps.get_model("chat", name).objects.update(owner=F("created_by"))


def keep_namespaces(apps, schema_editor):
    """As it was made before: what was sent with an `id` is known by it afterwards, too."""
    model = apps.get_model("chat", "IncomingWebhook")
    rows = []
    for row in model.objects.only("token_hash").iterator(BATCH):
        row.namespace = uuid.UUID(row.token_hash[:32])
        rows.append(row)
    model.objects.bulk_update(rows, ["namespace"], batch_size=BATCH)


def owner(**options):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("chat", "0013_usernames_look_different")]

    operations = [
        migrations.AddField("webhook", "owner", owner(null=True)),
        migrations.AddField("incomingwebhook", "owner", owner(null=True)),
        migrations.AddField(
            "incomingwebhook", "namespace", models.UUIDField(null=True, editable=False)
        ),
        migrations.RunPython(give_to_makers, migrations.RunPython.noop),
        migrations.RunPython(keep_namespaces, migrations.RunPython.noop),
        migrations.AlterField("webhook", "owner", owner()),
        migrations.AlterField("incomingwebhook", "owner", owner()),
        migrations.AlterField(
            "incomingwebhook", "namespace", models.UUIDField(default=uuid.uuid4, editable=False)
        ),
        migrations.AlterField(
            "notification", "kind", models.CharField(choices=NOTIFICATION_KINDS, max_length=8)
        ),
    ]
