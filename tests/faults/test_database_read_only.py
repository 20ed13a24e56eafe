"""A database that only reads, as after a failover or on a full disk, and writes again later.

Nobody restarts anything: people are told `unavailable`, the consumers wait, and all goes on.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from typing import Any

import pytest
from websockets.sync import client as websockets
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.contract.records import OutgoingRecord
from tests.support.crowd import make_rooms
from tests.support.processes import DEADLINE, wait_until
from tests.support.receivers import Receiver
from tests.support.servers import Program, manage
from tests.support.services import PostgresServer
from tests.support.way import Way

PASSWORD = "correct horse battery"
SET_UP = """
from chat.models import Chat, Membership, User
from chat.webhooks import outgoing as webhooks
ann = User.objects.create_user(username="ann", password="{password}")
chat = Chat.objects.get(pk={chat})
owner = User.objects.get(pk=chat.created_by_id)
Membership.objects.filter(chat=chat, user=owner).update(role="owner")
webhooks.create_webhook(actor=owner, chat_id=chat.pk, name="A hook", url="{url}")
"""


class Person:
    """On one socket of the server, which must stay open all the time; asks over HTTP, too."""

    def __init__(self, way: Way, sign_in: dict[str, Any], socket: ClientConnection) -> None:
        self.way, self.sign_in, self.socket = way, sign_in, socket
        self._number = 0

    def say(self) -> str:
        """`reply`, or the error's code, of the next message."""
        self._number += 1
        request_id = f"say-{self._number}"
        frame = {
            "type": "message.send",
            "request_id": request_id,
            "chat_id": self.sign_in["chat"],
            "client_message_id": f"00000000-0000-4000-8000-{self._number:012}",
            "content": f"message {self._number}",
        }
        self.socket.send(json.dumps(frame))
        while True:
            for line in map(json.loads, str(self.socket.recv(DEADLINE)).split("\n")):
                if line.get("request_id") == request_id:
                    return str(line.get("code", line["type"]))

    def get(self, path: str, data: bytes | None = None) -> tuple[int, str, str]:
        """Status, kind and body of an answer to this person."""
        headers = {"Cookie": self.sign_in["cookie"]}
        return answer_to(urllib.request.Request(self.way.server.url + path, data, headers))


def answer_to(
    request: urllib.request.Request, opener: urllib.request.OpenerDirector | None = None
) -> tuple[int, str, str]:
    open_ = (opener or urllib.request.build_opener()).open
    try:
        with open_(request, timeout=DEADLINE) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def sign_in(way: Way) -> tuple[int, str, str]:
    """As the page's form does it; the last answer after redirections."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    url = way.server.url + "/sign-in"
    with opener.open(url, timeout=DEADLINE):
        token = next(cookie.value for cookie in jar if cookie.name.endswith("csrftoken"))
    fields = {"username": "ann", "password": PASSWORD, "csrfmiddlewaretoken": token}
    form = urllib.parse.urlencode(fields).encode()
    return answer_to(urllib.request.Request(url, form, {"Referer": url}), opener)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def way(migrated_postgres_url, redis_url, kafka_without_topics) -> Iterator[Way]:
    way = Way(
        migrated_postgres_url,
        redis_url,
        kafka_without_topics.brokers,
        WEBHOOK_ALLOW_PRIVATE="true",
        WEBHOOK_ALLOW_HTTP="true",
    )
    way.server.start()
    yield way
    for program in (way.server, *way.consumers):
        print(program.log_end(80))  # noqa: T201  pytest shows it when the test has failed
    way.close()


@pytest.fixture
def person(way: Way, receiver: Receiver) -> Iterator[Person]:
    ((sign_in_of, *_),) = make_rooms(way.database_url, rooms=1, size=2, url=way.server.ws_url)
    code = SET_UP.format(password=PASSWORD, chat=sign_in_of["chat"], url=receiver.url)
    done = manage("shell", "-c", code, env=way.env)
    assert done.returncode == 0, done.stderr
    with websockets.connect(
        sign_in_of["url"],
        origin=Origin(way.server.url),
        additional_headers={"Cookie": sign_in_of["cookie"]},
    ) as socket:
        yield Person(way, sign_in_of, socket)


def send_again(way: Way) -> None:
    """A record that was handled: the consumers must have something to do with the database."""
    adapter = KafkaAdapter(brokers=[way.brokers])
    reader = adapter.open_reader(["chat-messages"])
    first = next(iter(reader.read(reader.beginnings(), reader.ends())))[0]
    reader.close()
    assert first.key is not None
    outgoing = OutgoingRecord(first.topic, first.key.decode(), first.value, first.headers)
    (result,) = adapter.publish_many([outgoing])
    assert not isinstance(result, Exception), result
    adapter.close(timeout_seconds=2)


def wait_for_outage_lines(program: Program, count: int) -> None:
    def has_come() -> bool:
        return program.log.read_text().count(" messaging.outages: ") == count

    wait_until(has_come, seconds=60, what=f"{count} lines of {program.name}")


class TestADatabaseThatOnlyReads:
    def test_is_said_to_everyone_and_all_goes_on_when_it_writes_again(
        self, way: Way, person: Person, receiver: Receiver, postgres: PostgresServer
    ):
        main, webhooks = way.start_consumer(), way.start_consumer("webchat-webhooks")
        assert person.say() == "reply"
        wait_until(lambda: way.count_handled() > 0 and len(receiver.taken) == 1, seconds=60)
        handled = way.count_handled()

        postgres.make_read_only(way.database_url)
        send_again(way)
        wait_until(lambda: person.say() == "unavailable", seconds=30)
        for _ in range(20):
            assert person.say() == "unavailable"
        status, kind, body = sign_in(way)
        assert (status, kind.split(";")[0]) == (503, "text/html"), body
        assert "Not now" in body
        assert person.get("/api/me")[0] == 200  # it reads
        status, kind, body = person.get("/readyz?exclude=bus&exclude=layer")
        assert (status, "read-only (25006)" in body) == (503, True), body
        for consumer in (main, webhooks):
            wait_for_outage_lines(consumer, 1)

        postgres.make_writable(way.database_url)
        wait_until(lambda: person.say() == "reply", seconds=30)
        for _ in range(5):
            assert person.say() == "reply"
        assert sign_in(way)[0] == 200
        wait_until(lambda: person.get("/readyz?exclude=bus&exclude=layer")[0] == 200, seconds=30)
        wait_until(lambda: way.waiting() == 0, seconds=60, what="the outbox is empty")
        saved = way.value("SELECT count(*) FROM chat_message")
        wait_until(
            lambda: way.count_handled() == handled * saved and len(receiver.taken) == saved,
            seconds=60,
            what="all is handled and delivered",
        )
        assert way.value("SELECT count(*) FROM messaging_deadletter") == 0
        assert main.is_running()
        assert webhooks.is_running()

        for program in (way.server, main, webhooks):
            wait_for_outage_lines(program, 2)
            assert_quiet(program.log.read_text())


def assert_quiet(log: str) -> None:
    began, over = (line for line in log.splitlines() if "messaging.outages" in line)
    assert "The database is unavailable: " in began
    assert "The database is available again" in over
    assert "failures=" in over
    others = [line for line in log.splitlines() if " ERROR " in line or " WARNING " in line]
    assert [line for line in others if line not in (began, over)] == []
    assert "Traceback" not in log
