from django.db import migrations, transaction

STEP = 1000


def close(apps, schema_editor):
    """Nothing is written any more to an account that is gone; in steps, while the chat runs."""
    alias = schema_editor.connection.alias
    chats = apps.get_model("chat", "Chat").objects.using(alias)
    gone = chats.filter(kind="direct", is_closed=False, memberships__user__is_active=False)
    ids = sorted(set(gone.values_list("pk", flat=True)))
    for start in range(0, len(ids), STEP):
        with transaction.atomic(using=alias):
            # Locked in id order, as by everyone else.
            step = chats.filter(pk__in=ids[start : start + STEP])
            locked = step.order_by("pk").select_for_update(no_key=True)
            found = list(locked.values_list("pk", flat=True))
            chats.filter(pk__in=found).update(is_closed=True)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('chat', '0017_blocks_and_reports'),
    ]

    operations = [
        # Going back takes the column away.
        migrations.RunPython(close, migrations.RunPython.noop),
    ]
