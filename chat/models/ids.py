"""What ids of rows can be."""

from __future__ import annotations

from typing import Final

# PostgreSQL's bigint; a larger id cannot be asked of the database.
LARGEST_ID: Final = 2**63 - 1
