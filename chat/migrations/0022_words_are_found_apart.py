"""The index of chat.search takes every run of letters or digits as a word; on PostgreSQL alone."""

from django.db import migrations

# As chat.search asks for it, to the letter: an index on an expression serves that expression only.
PLAIN = (
    "regexp_replace(replace(replace("
    "CASE WHEN content IS NFC NORMALIZED THEN content ELSE normalize(content, NFC) END,"
    " 'ё', 'е'), 'Ё', 'Е'), '([0-9]+)|[!-/:-@[-`{-~]', ' \\1 ', 'g')"
)
PLACE = "array_to_tsvector(ARRAY['#chat' || chat_id::text, '#part' || (id >> 17)::text])"
VECTOR = f"to_tsvector('russian', {PLAIN}) || to_tsvector('simple', {PLAIN}) || {PLACE}"
EARLIER = f"to_tsvector('russian', content) || to_tsvector('simple', content) || {PLACE}"
# Writers leave new words in a list; it is merged often, so that nobody's merge is long (kB).
OPTIONS = "fastupdate = on, gin_pending_list_limit = 256"


def make_index(apps, schema_editor):
    replace(schema_editor, "message_words_apart", VECTOR, instead_of="message_words_by_place")


def make_earlier_index(apps, schema_editor):
    replace(schema_editor, "message_words_by_place", EARLIER, instead_of="message_words_apart")


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

    dependencies = [("chat", "0021_people_are_found_by_letters")]

    operations = [migrations.RunPython(make_index, make_earlier_index)]
