"""On PostgreSQL the index of waiting rows leads with the shard of their key, under its old name."""

from django.db import migrations

# As messaging/outbox/rows.py asks for it, to the letter.
BY_SHARD = "(hashtext(key) & 15), id"
TABLE = "messaging_outboxevent"


def replace_with(columns):
    def replace(apps, schema_editor):
        if schema_editor.connection.vendor != "postgresql":
            return
        # Without holding up those who write, for as long as it takes. What an earlier try that was
        # stopped has left behind is no index.
        for statement in (
            "SET statement_timeout = 0",
            "SET lock_timeout = 0",
            "DROP INDEX CONCURRENTLY IF EXISTS outbox_waiting_new",
            f"CREATE INDEX CONCURRENTLY outbox_waiting_new ON {TABLE} ({columns}) WHERE status = 0",
            "DROP INDEX CONCURRENTLY IF EXISTS outbox_waiting",
            "ALTER INDEX outbox_waiting_new RENAME TO outbox_waiting",
            "RESET statement_timeout",
            "RESET lock_timeout",
        ):
            schema_editor.execute(statement)

    return replace


class Migration(migrations.Migration):
    # CONCURRENTLY works outside of a transaction only.
    atomic = False

    dependencies = [("messaging", "0004_relays_have_shares")]

    operations = [migrations.RunPython(replace_with(BY_SHARD), replace_with("id"))]
