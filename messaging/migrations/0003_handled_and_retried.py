from django.db import migrations, models


class Migration(migrations.Migration):
    """Words: the proof that an event was handled is no receipt, a dead letter is retried. Tables and
    stored values keep the names they have.
    """

    dependencies = [("messaging", "0002_staff_permissions")]

    operations = [
        migrations.AlterModelTable(name="receipt", table="messaging_receipt"),
        migrations.RenameModel(old_name="Receipt", new_name="HandledEvent"),
        migrations.AlterModelOptions(
            name="handledevent",
            options={"verbose_name": "handled event", "verbose_name_plural": "handled events"},
        ),
        migrations.AlterModelOptions(
            name="deadletter",
            options={
                "permissions": [
                    ("operate_deadletter", "Can retry and discard dead letters"),
                    ("read_deadletter_content", "Can read what dead letters say"),
                ],
                "verbose_name": "dead letter",
                "verbose_name_plural": "dead letters",
            },
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="status",
            field=models.CharField(
                choices=[("open", "open"), ("replayed", "retried"), ("discarded", "discarded")],
                default="open",
                max_length=10,
            ),
        ),
    ]
