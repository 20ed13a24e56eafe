"""Now that every row has one."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def owner():
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [("chat", "0015_webhooks_go_to_their_makers")]

    operations = [
        migrations.AlterField("webhook", "owner", owner()),
        migrations.AlterField("incomingwebhook", "owner", owner()),
        migrations.AlterField(
            "incomingwebhook", "namespace", models.UUIDField(default=uuid.uuid4, editable=False)
        ),
    ]
