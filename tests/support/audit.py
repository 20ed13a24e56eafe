"""The guard of the audit log, on and off: tests do the damage that it refuses."""

from __future__ import annotations

from importlib import import_module

from django.db import connection


def install_guard() -> None:
    _execute("INSTALL")


def remove_guard() -> None:
    _execute("REMOVE")


def _execute(name: str) -> None:
    migration = import_module("chat.migrations.0003_audit_is_append_only")
    with connection.cursor() as cursor:
        for statement in getattr(migration, name)[connection.vendor]:
            cursor.execute(statement)
