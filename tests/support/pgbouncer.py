"""A real PgBouncer between a test and its PostgreSQL.

with PgBouncer(postgres.url, pool_mode="transaction") as pooler:
    ... pooler.url_of(database_url) ...
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.support.processes import Process, ServiceMissing
from tests.support.services import other_than_root

SETTINGS = """
[databases]
* = host=127.0.0.1 port={upstream} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = {pool_mode}
ignore_startup_parameters = {ignored}
"""


class PgBouncer(Process):
    name = "pgbouncer"
    environment_name = "TEST_PGBOUNCER"

    def __init__(self, postgres_url: str, *, pool_mode: str, ignored: str = "options") -> None:
        super().__init__()
        self._program = self.find()
        self._options = {
            "upstream": urlsplit(postgres_url).port,
            "port": self.port,
            "pool_mode": pool_mode,
            "ignored": ignored,
        }

    @staticmethod
    def find() -> str:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if not program:
            raise ServiceMissing("PgBouncer is not on this machine.", "pgbouncer")
        return program

    def url_of(self, database_url: str) -> str:
        """The same database, by way of the pooler."""
        parts = urlsplit(database_url)
        return urlunsplit(parts._replace(netloc=f"postgres@127.0.0.1:{self.port}"))

    def system_user(self) -> str | None:
        return other_than_root("PgBouncer", "pgbouncer")

    def prepare(self) -> None:
        (self.folder / "pgbouncer.ini").write_text(SETTINGS.format(**self._options))

    def command(self) -> Sequence[str]:
        return [self._program, "pgbouncer.ini"]

    def is_ready(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            address = f"postgres://postgres@127.0.0.1:{self.port}/pgbouncer"
            psycopg.connect(address, connect_timeout=2, autocommit=True).close()
            return True
        return False
