"""Reactions that were kept with or without U+FE0F become one; what is no emoji stays as it is."""

from django.db import migrations
from django.db.models import Exists, OuterRef


def spell_reactions(apps, schema_editor):
    from chat.content.reactions import qualified

    rows = apps.get_model("chat", "Reaction").objects.using(schema_editor.connection.alias)
    # A few kinds, however many rows; only those in another spelling are written.
    for emoji in list(rows.order_by().values_list("emoji", flat=True).distinct()):
        better = qualified(emoji)
        if better == emoji:
            continue
        same = rows.filter(message=OuterRef("message"), user=OuterRef("user"), emoji=better)
        rows.filter(Exists(same), emoji=emoji).delete()
        rows.filter(emoji=emoji).update(emoji=better)


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0010_earlier_removals"),
    ]

    operations = [
        migrations.RunPython(spell_reactions, migrations.RunPython.noop),
    ]
