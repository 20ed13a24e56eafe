"""The index of chat.search says of each message also how far back it is; on PostgreSQL alone."""

from django.db import migrations

# As chat.search asks for it, to the letter: an index on an expression serves that expression only.
VECTOR = (
    "to_tsvector('russian', content) || to_tsvector('simple', content)"
    " || array_to_tsvector(ARRAY['#chat' || chat_id::text, '#part' || (id >> 17)::text])"
)
EARLIER = (
    "to_tsvector('russian', content) || to_tsvector('simple', content)"
    " || array_to_tsvector(ARRAY['/chat' || chat_id::text])"
)
# Writers leave new words in a list; it is merged often, so that nobody's merge is long (kB).
OPTIONS = "fastupdate = on, gin_pending_list_limit = 256"


def make_index(apps, schema_editor):
    replace(schema_editor, "message_words_by_place", VECTOR, instead_of="message_words_by_chat")


def make_earlier_index(apps, schema_editor):
    replace(schema_editor, "message_words_by_chat", EARLIER, instead_of="message_words_by_place")


def replace(schema_editor, name, vector, *, instead_of):
    """Without holding up those who write, for as long as it takes; the earlier one goes last."""
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("SET statement_timeout = 0")
    schema_editor.execute("SET lock_timeout = 0")
    # What an earlier try that was stopped has left behind is no index.
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    schema_editor.execute(
        f"CREATE INDEX CONCURRENTLY {name} ON chat_message USING gin (({vector})) WITH ({OPTIONS})"
    )
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {instead_of}")
    schema_editor.execute("RESET statement_timeout")
    schema_editor.execute("RESET lock_timeout")


class Migration(migrations.Migration):
    # CONCURRENTLY works outside of a transaction only.
    atomic = False

    dependencies = [("chat", "0019_words_are_found_by_chat")]

    operations = [migrations.RunPython(make_index, make_earlier_index)]
