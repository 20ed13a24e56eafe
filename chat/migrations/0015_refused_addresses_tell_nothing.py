"""What a delivery's error told of names and networks, also in the log of the past: one sentence."""

from django.db import migrations

TOLD = (
    "The name in the address is not known. Check its spelling.",
    "The name in the address could not be looked up in time. Try again later.",
    "The address leads into a private network. WEBHOOK_ALLOW_PRIVATE=true allows that.",
)
NO_WAY = (
    "There is no way to this address: its name is not known, or it is not on the public internet."
    " Check its spelling, or ask whoever runs this chat: its log says more."
)


def tell_nothing(apps, schema_editor):
    """Reads the table once; writes the few rows that were refused."""
    rows = apps.get_model("chat", "WebhookDelivery").objects.filter(error__in=TOLD)
    rows.update(error=NO_WAY, milliseconds=None)


class Migration(migrations.Migration):
    dependencies = [("chat", "0014_webhooks_have_owners")]

    operations = [migrations.RunPython(tell_nothing, migrations.RunPython.noop)]
