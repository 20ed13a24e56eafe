"""Chats are counted, and public ones found by how many are in them and by letters of their titles.

The index of letters is on PostgreSQL alone, and only where the migration before could make those
of people's names.
"""

from django.db import migrations, models, transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

STEP = 1000
BY_MEMBERS = models.Index(
    fields=["-member_count", "title", "id"],
    name="chat_public_by_members",
    condition=Q(kind="public"),
)
# As Django asks for it (`icontains`), to the letter.
LETTERS = "USING gin (upper(title::text) gin_trgm_ops) WITH (fastupdate = off)"


def count_members(apps, schema_editor):
    """In steps, while the chat runs: whoever joins meanwhile waits for one step, then counts."""
    alias = schema_editor.connection.alias
    chats = apps.get_model("chat", "Chat").objects.using(alias)
    memberships = apps.get_model("chat", "Membership").objects.using(alias)
    people = memberships.filter(chat=OuterRef("pk"), left_at=None, user__is_bot=False).order_by()
    count = people.values("chat").annotate(count=Count("pk")).values("count")
    last = 0
    while ids := list(chats.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:STEP]):
        with transaction.atomic(using=alias):
            # Locked in id order, as by everyone else.
            locked = chats.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
            found = list(locked.values_list("pk", flat=True))
            chats.filter(pk__in=found).update(member_count=Coalesce(Subquery(count), 0))
        last = ids[-1]


def make_indexes(apps, schema_editor):
    chat = apps.get_model("chat", "Chat")
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.add_index(chat, BY_MEMBERS)
        return
    # Without holding up those who write, for as long as it takes. What an earlier try that was
    # stopped has left behind is no index.
    schema_editor.execute("SET statement_timeout = 0")
    schema_editor.execute("SET lock_timeout = 0")
    drop_indexes(apps, schema_editor)
    schema_editor.add_index(chat, BY_MEMBERS, concurrently=True)
    if has_trigrams(schema_editor.connection):
        # Of all kinds: of an index of some rows the planner believes no figures about them.
        schema_editor.execute(
            f"CREATE INDEX CONCURRENTLY chat_title_letters ON chat_chat {LETTERS}"
        )
    # What the planner knows of an expression it knows from the index.
    schema_editor.execute("ANALYZE chat_chat")
    schema_editor.execute("RESET statement_timeout")
    schema_editor.execute("RESET lock_timeout")


def has_trigrams(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_extension WHERE extname = 'pg_trgm'")
        return cursor.rowcount > 0


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.remove_index(apps.get_model("chat", "Chat"), BY_MEMBERS)
        return
    for name in ("chat_public_by_members", "chat_title_letters"):
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


class Migration(migrations.Migration):
    # CONCURRENTLY works outside of a transaction only.
    atomic = False

    dependencies = [("chat", "0023_chats_know_their_size")]

    operations = [
        # Going back takes the column away.
        migrations.RunPython(count_members, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make_indexes, drop_indexes)],
            state_operations=[migrations.AddIndex("chat", BY_MEMBERS)],
        ),
    ]
