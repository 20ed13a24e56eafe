"""People are found by letters within their names through indexes of trigrams; on PostgreSQL alone.

They need the extension pg_trgm. Whoever may create something in the database may create it, and it
comes with PostgreSQL (Debian: postgresql-contrib is part of it).
"""

from django.db import ProgrammingError, migrations
from django.db.utils import NotSupportedError, OperationalError

# As Django asks for it (`icontains`), to the letter.
INDEXES = {
    "user_username_letters": "upper(username::text) gin_trgm_ops",
    "user_name_letters": "upper(display_name::text) gin_trgm_ops",
}
LACK = """
The extension pg_trgm is not there and could not be created ({reason}).
Until it is, finding people reads all of them. As a superuser, in this database:
    CREATE EXTENSION pg_trgm;
then: manage.py migrate chat 0020 && manage.py migrate
"""


def make_indexes(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    drop_indexes(apps, schema_editor)
    try:
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except (ProgrammingError, NotSupportedError, OperationalError) as error:
        print(LACK.format(reason=str(error).splitlines()[0]))
        return
    # Without holding up those who write, for as long as it takes.
    schema_editor.execute("SET statement_timeout = 0")
    schema_editor.execute("SET lock_timeout = 0")
    for name, letters in INDEXES.items():
        # Names change seldom: no list of new ones that each search would read.
        schema_editor.execute(
            f"CREATE INDEX CONCURRENTLY {name} ON chat_user USING gin ({letters})"
            " WITH (fastupdate = off)"
        )
    # What the planner knows of an expression it knows from the index.
    schema_editor.execute("ANALYZE chat_user")
    schema_editor.execute("RESET statement_timeout")
    schema_editor.execute("RESET lock_timeout")


def drop_indexes(apps, schema_editor):
    """The extension stays: somebody else may use it."""
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


class Migration(migrations.Migration):
    # CONCURRENTLY works outside of a transaction only.
    atomic = False

    dependencies = [("chat", "0020_words_are_found_by_place")]

    operations = [migrations.RunPython(make_indexes, drop_indexes)]
