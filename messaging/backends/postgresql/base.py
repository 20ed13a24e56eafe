"""Where Django looks for a backend."""

from __future__ import annotations

from django.db.backends.postgresql import base

from messaging.backends.errors import TellsOutages


class DatabaseWrapper(TellsOutages, base.DatabaseWrapper):
    pass
