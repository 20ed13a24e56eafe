"""Tables without indexes and keys while many rows are written: each is made once, afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

# Foreign keys go first and come last: they need the other table's key.
CONSTRAINTS: Final = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
        CASE WHEN contype <> 'f' THEN pg_get_indexdef(conindid) END,
        format('ALTER TABLE %s ADD CONSTRAINT %I ', conrelid::regclass, conname)
            || CASE contype WHEN 'p' THEN 'PRIMARY KEY USING INDEX ' || conname
                WHEN 'u' THEN 'UNIQUE USING INDEX ' || conname
                ELSE pg_get_constraintdef(oid) || ' NOT VALID' END
    FROM pg_constraint
    WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace
    ORDER BY contype = 'f' DESC
"""
INDEXES: Final = """
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


@dataclass(frozen=True, slots=True)
class TakenOff:
    """Statements that make it again: indexes in any order and at a time, then constraints."""

    indexes: Sequence[str]
    constraints: Sequence[str]


def take_off(connection: psycopg.Connection) -> TakenOff:
    """All tables of the database."""
    indexes, constraints = [], []
    for drop, index, constraint in connection.execute(CONSTRAINTS).fetchall():
        connection.execute(drop)
        indexes += [index] if index else []
        constraints.append(constraint)
    for drop, index in connection.execute(INDEXES).fetchall():
        connection.execute(drop)
        indexes.append(index)
    return TakenOff(indexes, constraints[::-1])
