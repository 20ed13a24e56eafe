"""How each fault of a plan is done and undone: a context for each kind, entered in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import psycopg
import redis

from bench.chaos import disks
from bench.chaos.plan import Fault
from bench.chaos.system import System
from tests.support.processes import Process, free_port

Context = AbstractContextManager[None]
LINE_BECOMES: dict[str, dict[str, float | bool]] = {
    "slow": {"delay": 0.15},
    "narrow": {"bytes_per_second": 50_000},
    "silent": {"silent": True},
    "cut": {"cut": True},
}


def context(system: System, fault: Fault, chat_ids: Sequence[int]) -> Context | None:
    """None: it cannot be done on this machine."""
    name = fault.target.removeprefix("line to ")
    if name != fault.target:
        return bad_line(system, name, fault.how)
    if fault.how == "joined":
        return joined(system)
    if fault.how == "locked":
        return locked(system, chat_ids[fault.number % len(chat_ids)])
    if fault.how == "only reads":
        return redis_only_reading(system) if fault.target == "redis" else only_reading(system)
    if fault.how == "memory full":
        return memory_full(system)
    if fault.how == "disk full":
        return disk_full(system, fault.target) if disks.may_be_full() else None
    return OF_PROCESSES[fault.how](process_of(system, fault))


def process_of(system: System, fault: Fault) -> Process:
    groups: dict[str, Sequence[Process]] = {
        "web": system.webs,
        "relay": system.relays,
        "consumer": system.consumers,
    }
    if group := groups.get(fault.target):
        return group[fault.number % len(group)]
    return system.services[fault.target]


@contextmanager
def killed(process: Process) -> Iterator[None]:
    process.kill()
    try:
        yield
    finally:
        process.start()


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    process.freeze()
    try:
        yield
    finally:
        process.thaw()


@contextmanager
def restarted(process: Process) -> Iterator[None]:
    """As an operator does it; it is away for as long as it takes."""
    process.restart()
    yield


OF_PROCESSES: dict[str, Callable[[Process], Context]] = {
    "killed": killed,
    "frozen": frozen,
    "restarted": restarted,
}


@contextmanager
def bad_line(system: System, name: str, how: str) -> Iterator[None]:
    system.lines.become(name, **LINE_BECOMES[how])
    try:
        yield
    finally:
        system.lines.become(name)


@contextmanager
def joined(system: System) -> Iterator[None]:
    """One more member of the group comes and goes."""
    with system.new_consumer():
        yield


@contextmanager
def locked(system: System, chat_id: int) -> Iterator[None]:
    """By a session that holds the chat's row, as a frozen process or a hand in psql would."""
    with psycopg.connect(system.direct_url) as connection:
        connection.execute("SELECT 1 FROM chat_chat WHERE id = %s FOR NO KEY UPDATE", (chat_id,))
        yield


@contextmanager
def only_reading(system: System) -> Iterator[None]:
    system.postgres.make_read_only(system.direct_url)
    try:
        yield
    finally:
        system.postgres.make_writable(system.direct_url)


@contextmanager
def memory_full(system: System) -> Iterator[None]:
    with redis.Redis.from_url(system.redis.url) as client:
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


@contextmanager
def redis_only_reading(system: System) -> Iterator[None]:
    """As after a failover that this address does not follow: a replica, of nobody who answers."""
    with redis.Redis.from_url(system.redis.url) as client:
        client.replicaof("127.0.0.1", free_port())
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def disk_full(system: System, target: str) -> Iterator[None]:
    """Whoever has ended for want of room is started again, as an operator would."""
    service = system.postgres if target == "postgres" else system.kafka
    with disks.full(service.disk):
        yield
    if not service.is_running():
        service.start()
