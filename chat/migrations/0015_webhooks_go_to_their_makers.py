"""Rows alone, by itself: PostgreSQL alters no table in a transaction that has just written to it."""

import uuid

from django.db import migrations
from django.db.models import F

BATCH = 500
TOLD = (
    "The name in the address is not known. Check its spelling.",
    "The name in the address could not be looked up in time. Try again later.",
    "The address leads into a private network. WEBHOOK_ALLOW_PRIVATE=true allows that.",
)
NO_WAY = (
    "This address cannot be reached: its name is unknown, or it is not on the public internet."
    " Check the spelling, or ask whoever runs this chat: the log says more."
)


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


def tell_nothing_of_networks(apps, schema_editor):
    """Not in the log of the past either. Reads the table once; writes the few that were refused."""
    rows = apps.get_model("chat", "WebhookDelivery").objects.filter(error__in=TOLD)
    rows.update(error=NO_WAY, milliseconds=None)


class Migration(migrations.Migration):
    dependencies = [("chat", "0014_webhooks_have_owners")]

    operations = [
        migrations.RunPython(function, migrations.RunPython.noop)
        for function in (give_to_makers, keep_namespaces, tell_nothing_of_networks)
    ]
