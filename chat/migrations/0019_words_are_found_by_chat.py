"""The index of chat.search says of each message also which chat it is in; on PostgreSQL alone."""

from django.db import migrations

# As chat.search asks for it, to the letter: an index on an expression serves that expression only.
VECTOR = (
    "to_tsvector('russian', content) || to_tsvector('simple', content)"
    " || array_to_tsvector(ARRAY['/chat' || chat_id::text])"
)
EARLIER = "to_tsvector('russian', content) || to_tsvector('simple', content)"
# Writers leave new words in a list; it is merged often, so that nobody's merge is long (kB).
OPTIONS = "fastupdate = on, gin_pending_list_limit = 256"


def make_index(apps, schema_editor):
    replace(schema_editor, "message_words_by_chat", VECTOR, instead_of="message_words")


def make_earlier_index(apps, schema_editor):
    replace(schema_editor, "message_words", EARLIER, instead_of="message_words_by_chat")


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

    dependencies = [("chat", "0018_direct_chats_of_gone_people")]

    operations = [migrations.RunPython(make_index, make_earlier_index)]
