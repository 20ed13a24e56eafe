"""To PostgreSQL and back, with everything that waits: by libpq's pipeline, through `psycopg.pq`.

psycopg's own pipeline writes to the connection and asks for its readiness once for each statement.
"""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format

# By itself PostgreSQL plans a statement again for one or two rows: 28 % of its work for a single
# post. So a plan has to be good for any number of rows, and for tables that were small when it was
# made: a look-up by `unnest` and LATERAL, which only one index can answer.
KEEP_PLANS: Final = "SET plan_cache_mode = force_generic_plan"
GOOD: Final = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}
# What was prepared is not there, or its tables have changed since: it is prepared again.
OUTDATED: Final = {"26000", "0A000"}
READABLE, WRITABLE = select.POLLIN, select.POLLOUT


@dataclass(slots=True)
class Statement:
    """`parameters`: in binary format (messaging.pipeline.binary). `result`: after its trip."""

    query: str
    parameters: Sequence[bytes | None] = ()
    result: Any = None


class Trips:
    """Of one connection: what is prepared on it, and the statements that are under way."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._names: dict[str, bytes] = {}
        self._made = 0
        # For each result that will come: its statement, and the name under which it is prepared.
        self._under_way: list[tuple[Statement, bytes]] = []
        self.is_open = False
        connection.execute(KEEP_PLANS)

    def add(self, statement: Statement, *, departs: bool = True) -> None:
        """Sends it, and does not wait. `departs`: False when it may as well go with the next."""
        try:
            self._send(statement)
            if departs:
                self._libpq.flush()
        except BaseException:
            self._libpq.finish()  # nobody knows what of it was sent
            raise

    def come_back(self) -> None:
        """Waits until all that was sent has its result.

        Raises the psycopg.Error of the first statement that failed; what came after it was not
        carried out.
        """
        if not self._under_way:
            return
        under_way, self._under_way = self._under_way, []
        try:
            error = self._take_results(under_way)
        except BaseException:
            self._libpq.finish()  # nobody knows what else it would answer
            raise
        if error is not None:
            if error.sqlstate in OUTDATED:
                self._names.clear()
            raise error

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        if statement.result is None:
            self.come_back()
        reader = Transformer(self._connection)
        reader.set_pgresult(statement.result, format=Format.BINARY)
        return reader.load_rows(0, statement.result.ntuples, tuple)

    def _send(self, statement: Statement) -> None:
        if not self._under_way:
            self._libpq.enter_pipeline_mode()
        name = self._names.get(statement.query)
        if name is None:
            self._made += 1
            name = b"webchat_%d" % self._made
            self._libpq.send_prepare(name, statement.query.encode())
            self._under_way.append((statement, name))
        self._libpq.send_query_prepared(
            name,
            statement.parameters,
            param_formats=[Format.BINARY] * len(statement.parameters),
            result_format=Format.BINARY,
        )
        self._under_way.append((statement, b""))

    def _take_results(self, under_way: Sequence[tuple[Statement, bytes]]) -> psycopg.Error | None:
        """The error of the first that failed."""
        libpq = self._libpq
        libpq.pipeline_sync()
        error: psycopg.Error | None = None
        for result, (statement, name) in zip(
            self._results(len(under_way)), under_way, strict=False
        ):
            if result.status not in GOOD:
                error = error or error_from_result(result, encoding=self._connection.info.encoding)
            elif name:
                self._names[statement.query] = name
            else:
                statement.result = result
        if libpq.status == ConnStatus.OK:
            libpq.exit_pipeline_mode()
        elif error is None:
            error = psycopg.OperationalError("the connection to the database is lost")
        return error

    def _results(self, count: int) -> Iterator[Any]:
        """Ends early where the connection does."""
        socket = select.poll()
        socket.register(self._libpq.socket, READABLE | WRITABLE)
        while self._libpq.flush():
            if any(event & ~WRITABLE for _, event in socket.poll()):
                self._libpq.consume_input()
        socket.modify(self._libpq.socket, READABLE)
        for _ in range(count):
            result = self._next(socket)
            if result is None:
                return
            yield result
            self._next(socket)  # there is one result for each, and then None
        self._next(socket)  # of the end of the pipeline

    def _next(self, socket: select.poll) -> Any:
        while self._libpq.is_busy():
            socket.poll()
            self._libpq.consume_input()
        return self._libpq.get_result()


_known: WeakKeyDictionary[psycopg.Connection[Any], Trips] = WeakKeyDictionary()


def trips_of(connection: psycopg.Connection[Any]) -> Trips:
    trips = _known.get(connection)
    if trips is None:
        trips = _known[connection] = Trips(connection)
    return trips
