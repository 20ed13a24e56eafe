from django.db import IntegrityError, migrations, transaction

from chat.content.lookalikes import skeleton

AT_ONCE = 500
LONGEST = 255


def note_skeletons(apps, schema_editor):
    """Whoever came first keeps what their name looks like; whoever came second is known without it.

    Everyone keeps their name. Bots and those who have gone have none that anybody would look for.
    Done again, it goes on where it was.
    """
    people = apps.get_model('chat', 'User').objects.using(schema_editor.connection.alias)
    living = people.filter(is_bot=False, deleted_at=None, username_skeleton=None).order_by('pk')
    last = 0
    while batch := list(living.filter(pk__gt=last).only('pk', 'username')[:AT_ONCE]):
        note(people, batch)
        last = batch[-1].pk


def note(people, batch):
    first = {}
    for person in batch:
        person.username_skeleton = skeleton(person.username)
        first.setdefault(person.username_skeleton, person)
    held = people.filter(username_skeleton__in=first).values_list('username_skeleton', flat=True)
    for shape in [*held, *(shape for shape in first if len(shape) > LONGEST)]:
        first.pop(shape, None)
    try:
        with transaction.atomic(using=people.db):
            people.bulk_update(first.values(), ['username_skeleton'])
    except IntegrityError:
        # Somebody has just signed up by one of them.
        for person in first.values():
            note_one(people, person)


def note_one(people, person):
    try:
        with transaction.atomic(using=people.db):
            people.filter(pk=person.pk).update(username_skeleton=person.username_skeleton)
    except IntegrityError:
        pass


class Migration(migrations.Migration):
    # Batch by batch: no lock is held for all of them.
    atomic = False

    dependencies = [
        ('chat', '0012_username_skeleton'),
    ]

    operations = [migrations.RunPython(note_skeletons, migrations.RunPython.noop, elidable=True)]
