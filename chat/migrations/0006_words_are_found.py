"""The index of chat.search: full text, on PostgreSQL alone."""

from django.db import migrations

# As chat.search asks for it, to the letter: an index on an expression serves that expression only.
VECTOR = "to_tsvector('russian', content) || to_tsvector('simple', content)"
NAME = "message_words"
# Writers leave new words in a list; it is merged often, so that nobody's merge is long (kB).
OPTIONS = "fastupdate = on, gin_pending_list_limit = 256"


def make_index(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    # Without holding up those who write, for as long as it takes. What an earlier try that was
    # stopped has left behind is no index.
    schema_editor.execute("SET statement_timeout = 0")
    schema_editor.execute("SET lock_timeout = 0")
    drop_index(apps, schema_editor)
    schema_editor.execute(
        f"CREATE INDEX CONCURRENTLY {NAME} ON chat_message USING gin (({VECTOR})) WITH ({OPTIONS})"
    )
    schema_editor.execute("RESET statement_timeout")
    schema_editor.execute("RESET lock_timeout")


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")


class Migration(migrations.Migration):
    # CONCURRENTLY works outside of a transaction only.
    atomic = False

    dependencies = [("chat", "0005_staff_permissions")]

    operations = [migrations.RunPython(make_index, drop_index)]
