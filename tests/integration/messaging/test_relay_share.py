from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from django.db import connection

from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.models import OutboxEvent, RelayState
from messaging.outbox.relay import Relay
from messaging.outbox.relay_lock import PostgresLock
from messaging.outbox.relay_share import PostgresShare
from messaging.outbox.rows import OutboxRow, read_waiting
from messaging.outbox.shards import ALL_SHARDS, SHARDS
from messaging.outbox.target import KafkaTarget, Result
from tests.support.bus_parts import TOPIC, message_event, record, record_chats
from tests.support.processes import DEADLINE
from tests.support.services import wait_until

SEAT = 7


@pytest.fixture
def connect(postgres_url) -> Callable[[], psycopg.Connection]:
    return lambda: psycopg.connect(postgres_url, autocommit=True)


@pytest.fixture
def join(connect) -> Iterator[Callable[..., PostgresShare]]:
    """Makes relays' shares; each balances whenever it is asked."""
    made: list[PostgresShare] = []

    def make(**options) -> PostgresShare:
        clock = itertools.count(step=1000).__next__
        made.append(PostgresShare(connect, clock=clock, **options))
        return made[-1]

    yield make
    for share in made:
        share.release()


def settle(shares: Sequence[PostgresShare]) -> list[int]:
    """All have their turn, twice: some give up, others take it. How many shards each has."""
    for share in [*shares, *shares]:
        share.acquire()
    assert sorted(itertools.chain(*(share.shards for share in shares))) == list(ALL_SHARDS)
    return [len(share.shards) for share in shares]


class TestShares:
    def test_one_alone_has_everything(self, join):
        assert settle([join()]) == [SHARDS]

    @pytest.mark.parametrize("relays", [2, 3, 5, 16, 18])
    def test_are_fair_however_many_there_are(self, join, relays):
        sizes = settle([join() for _ in range(relays)])
        assert max(sizes) - min(sizes) <= 1

    def test_one_that_joins_waits_until_others_give_it_its_own(self, join):
        first, second = join(), join()
        first.acquire()
        assert not second.acquire()
        assert first.confirm()
        assert second.acquire()
        assert (len(first.shards), len(second.shards)) == (8, 8)
        assert not {*first.shards} & {*second.shards}

    def test_one_of_more_than_there_are_shards_stands_by(self, join):
        shares = [join() for _ in range(SHARDS + 1)]
        assert sorted(settle(shares)) == [0, *[1] * SHARDS]
        busy = next(share for share in shares if share.shards)
        idle = next(share for share in shares if not share.shards)
        busy.release()
        wait_until(idle.acquire, seconds=15)

    def test_what_a_dead_one_had_is_taken_over(self, join, connect):
        first, second = join(), join()
        settle([first, second])
        kept = {*second.shards}
        end_relay(connect, first)
        wait_until(lambda: second.confirm() and len(second.shards) == SHARDS, seconds=15)
        assert kept < {*second.shards}

    def test_what_one_gives_back_is_taken_over(self, join):
        first, second = join(), join()
        settle([first, second])
        first.release()
        wait_until(lambda: second.confirm() and len(second.shards) == SHARDS, seconds=15)

    def test_stay_as_they_are_between_two_balances(self, connect, join):
        first = PostgresShare(connect, clock=lambda: 0.0)
        try:
            assert first.acquire()
            join().acquire()
            assert first.confirm()
            assert first.shards == ALL_SHARDS
        finally:
            first.release()

    def test_only_one_has_a_seat_of_which_there_is_one(self, join):
        seated, waiting, other = join(seat=SEAT), join(seat=SEAT), join()
        seated.acquire()
        assert not waiting.acquire()
        assert settle([seated, other]) == [8, 8]
        assert not waiting.acquire()
        seated.release()
        wait_until(lambda: other.confirm() and waiting.acquire(), seconds=5)
        assert settle([waiting, other]) == [8, 8]

    def test_and_one_that_wants_everything_never_work_at_a_time(self, join, connect):
        everything, share = PostgresLock(connect), join(seat=SEAT)
        try:
            assert everything.acquire()
            assert not share.acquire()
            everything.release()
            wait_until(share.acquire, seconds=5)
            assert not everything.acquire()
        finally:
            everything.release()


def end_relay(connect: Callable[[], psycopg.Connection], share: PostgresShare) -> None:
    assert share._connection is not None
    with connect() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [share._connection.info.backend_pid])


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestRowsOfAShard:
    def test_are_all_rows_of_its_keys_and_no_others(self):
        record_chats(40, 3)
        of_shards = [read_waiting(limit=1000, shards=(shard,)) for shard in ALL_SHARDS]
        every_id = sorted(row.id for rows in of_shards for row in rows)
        assert every_id == [row.id for row in read_waiting(limit=1000)]
        assert len(every_id) == 120
        homes = Counter(key for rows in of_shards for key in {row.key for row in rows})
        assert set(homes.values()) == {1}

    def test_come_in_order_but_for_keys_that_are_held_back(self):
        record_chats(40, 3)
        shards = ALL_SHARDS[:8]
        rows = read_waiting(limit=30, shards=shards)
        assert [row.id for row in rows] == sorted(row.id for row in rows)
        held = rows[0].lane
        left = read_waiting(limit=1000, shards=shards, held=[held])
        assert [row for row in left if row.lane == held] == []
        assert {row.lane for row in rows} - {held} <= {row.lane for row in left}

    def test_are_found_by_the_index_of_waiting_rows(self):
        """Published rows cost a relay nothing, however many there are."""
        fill_with_published(20_000)
        record_chats(20, 1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE messaging_outboxevent")
        queries: list[str] = []

        def explain(execute, sql, params, many, context):
            if sql.lstrip().startswith("SELECT"):
                with connection.connection.cursor() as cursor:
                    plan = cursor.execute(f"EXPLAIN {sql}", params or None).fetchall()
                    queries.append("\n".join(line for (line,) in plan))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(explain):
            assert len(read_waiting(limit=1000)) == 20
        assert len(queries) == 2
        assert [query for query in queries if "Seq Scan" in query] == []
        assert [query for query in queries if "outbox_waiting" not in query] == []


def fill_with_published(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_outboxevent (event_id, topic, key, event_type, schema_version,"
            " payload, traceparent, created_at, status, attempts, last_error)"
            " SELECT gen_random_uuid(), 't', mod(i, 500), 'e', 1, '{}', '', now(), 1, 1, ''"
            " FROM generate_series(1, %s) AS i",
            [count],
        )


class SeenTarget(KafkaTarget):
    """Says which chats' rows came to it."""

    def __init__(self, broker: InMemoryBroker) -> None:
        super().__init__(InMemoryAdapter(broker=broker))
        self.keys: set[str] = set()

    def deliver(self, rows: Sequence[OutboxRow]) -> list[Result]:
        self.keys |= {row.key for row in rows}
        return super().deliver(rows)


class RunningRelay:
    def __init__(self, broker: InMemoryBroker) -> None:
        self.target = SeenTarget(broker)
        self.lock = PostgresShare()
        self.relay = Relay(self.target, self.lock, batch_size=20, gather_seconds=0)
        self._thread = threading.Thread(target=self.relay.run)
        self._thread.start()

    def stop(self) -> None:
        self.relay.stop()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestRelaysThatShare:
    @pytest.fixture
    def start(self, broker) -> Iterator[Callable[[], RunningRelay]]:
        started: list[RunningRelay] = []

        def start() -> RunningRelay:
            started.append(RunningRelay(broker))
            return started[-1]

        yield start
        for running in started:
            running.stop()

    @pytest.mark.parametrize("count", [2, 3])
    def test_publish_everything_once_and_each_chat_in_order(self, start, broker, count):
        relays = [start() for _ in range(count)]
        wait_until(lambda: shares_are_even(relays), seconds=10)
        record_chats(40, 10)
        wait_until(nothing_waits, seconds=20)
        assert arrived(broker) == {str(chat): [*range(1, 11)] for chat in range(1, 41)}
        keys = [relay.target.keys for relay in relays]
        assert all(keys)
        assert sum(map(len, keys)) == 40  # no chat came to two of them

    def test_one_that_joins_takes_chats_over_in_the_middle_of_the_work(self, start, broker):
        first = start()
        wait_until(lambda: first.lock.shards == ALL_SHARDS, seconds=10)
        record_chats(40, 5)
        second = start()
        for seq in range(6, 400):
            record(*(message_event(chat, seq) for chat in range(1, 41)))
            if second.target.keys:
                break
        wait_until(lambda: shares_are_even([first, second]), seconds=10)
        record(*(message_event(chat, seq + 1) for chat in range(1, 41)))
        wait_until(nothing_waits, seconds=20)
        assert second.target.keys
        assert arrived(broker) == {str(chat): [*range(1, seq + 2)] for chat in range(1, 41)}

    def test_the_others_go_on_with_the_chats_of_one_that_ends(self, start, broker):
        relays = [start() for _ in range(3)]
        wait_until(lambda: shares_are_even(relays), seconds=10)
        relays[0].stop()
        record_chats(40, 3)
        wait_until(nothing_waits, seconds=15)
        assert arrived(broker) == {str(chat): [1, 2, 3] for chat in range(1, 41)}

    def test_each_says_how_many_shards_it_works_for(self, start):
        relays = [start(), start()]
        wait_until(lambda: shares_are_even(relays), seconds=10)
        record_chats(40, 1)
        wait_until(nothing_waits, seconds=20)
        wait_until(lambda: said_shares() == [8, 8], seconds=10)


def said_shares() -> list[int]:
    return sorted(RelayState.objects.values_list("shards", flat=True))


def shares_are_even(relays: Sequence[RunningRelay]) -> bool:
    sizes = [len(relay.lock.shards) for relay in relays]
    return sum(sizes) == SHARDS and max(sizes) - min(sizes) <= 1


def nothing_waits() -> bool:
    return not OutboxEvent.objects.waiting().exists()


def arrived(broker: InMemoryBroker) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for message in InMemoryAdapter(broker=broker).get_published_messages(TOPIC):
        found.setdefault(message["chatId"], []).append(message["seq"])
    return found
