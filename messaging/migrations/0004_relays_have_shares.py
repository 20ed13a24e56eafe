from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0003_handled_and_retried")]

    operations = [
        migrations.AddField(
            model_name="relaystate",
            name="shards",
            field=models.PositiveSmallIntegerField(
                db_default=0, help_text="How many of the 16 shards of all keys it works for."
            ),
        ),
    ]
