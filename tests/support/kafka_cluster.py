"""Three brokers that hold each record three times and acknowledge it with two.

with KafkaCluster() as cluster:
    ... cluster.brokers ... cluster.nodes[0].kill() ... with slow(cluster.nodes[1]): ...
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tests.support.processes import Process
from tests.support.services import Kafka, ServiceMissing

REPLICAS = 3
# How long a slow one stands still, and works, by turns: less than its session with the others.
STANDS_SECONDS, WORKS_SECONDS = 0.6, 0.3


class Node(Kafka):
    name = "kafka-node"
    heap = "384m"
    start_seconds = 60.0

    def __init__(self, number: int) -> None:
        super().__init__()
        if self.container:
            self.close()
            raise ServiceMissing("Three brokers need Kafka's own tools.", "default-jre-headless")
        self.number = number
        self.voters = ""

    def properties(self) -> dict[str, str | int]:
        return super().properties() | {
            "node.id": self.number,
            "controller.quorum.voters": self.voters,
            "default.replication.factor": REPLICAS,
            "min.insync.replicas": REPLICAS - 1,
            "offsets.topic.replication.factor": REPLICAS,
            "replica.lag.time.max.ms": 5000,
        }


class KafkaCluster:
    def __init__(self) -> None:
        self.nodes = [Node(number + 1) for number in range(REPLICAS)]
        voters = [f"{node.number}@127.0.0.1:{node.controller_port}" for node in self.nodes]
        for node in self.nodes:
            node.voters = ",".join(voters)
        self.brokers = ",".join(node.brokers for node in self.nodes)

    def __enter__(self) -> Self:
        """Together: none is ready before most of them are there."""
        with ThreadPoolExecutor(REPLICAS) as pool:
            list(pool.map(Node.start, self.nodes))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in self.nodes:
            node.close()


@contextmanager
def slow(*processes: Process) -> Iterator[None]:
    """They stand still for most of the time."""
    over = threading.Event()
    thread = threading.Thread(target=_stand_and_work, args=(processes, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _stand_and_work(processes: Sequence[Process], over: threading.Event) -> None:
    while not over.wait(WORKS_SECONDS):
        for process in processes:
            process.freeze()
        over.wait(STANDS_SECONDS)
        for process in processes:
            process.thaw()
