"""The database itself refuses to change or remove what the audit log says.

A migration that rebuilds chat_auditentry on SQLite (any change of a column) loses its triggers
there: end such a one with `install` from here.
"""

from typing import Any

from django.db import migrations

REFUSAL = "The audit log is append-only."

INSTALL = {
    "postgresql": [
        f"""
        CREATE FUNCTION chat_auditentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';
        END
        $$
        """,
        """
        CREATE TRIGGER chat_auditentry_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON chat_auditentry
        FOR EACH STATEMENT EXECUTE FUNCTION chat_auditentry_refuse()
        """,
        # Also in a session that has switched triggers off (session_replication_role).
        "ALTER TABLE chat_auditentry ENABLE ALWAYS TRIGGER chat_auditentry_append_only",
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER chat_auditentry_no_{change} BEFORE {change} ON chat_auditentry
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """
        for change in ("update", "delete")
    ],
}

REMOVE = {
    "postgresql": [
        "DROP TRIGGER chat_auditentry_append_only ON chat_auditentry",
        "DROP FUNCTION chat_auditentry_refuse()",
    ],
    "sqlite": [
        "DROP TRIGGER chat_auditentry_no_update",
        "DROP TRIGGER chat_auditentry_no_delete",
    ],
}


def install(apps: Any, schema_editor: Any) -> None:
    _execute(INSTALL, schema_editor)


def remove(apps: Any, schema_editor: Any) -> None:
    _execute(REMOVE, schema_editor)


def _execute(statements: dict[str, list[str]], schema_editor: Any) -> None:
    for statement in statements[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_what_events_are_for")]

    operations = [migrations.RunPython(install, remove)]
