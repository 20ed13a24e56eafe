from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0022_words_are_found_apart")]

    operations = [
        migrations.AddField(
            model_name="chat",
            name="member_count",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
