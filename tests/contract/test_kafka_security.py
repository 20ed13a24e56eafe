"""Signing in to a broker that asks for passwords, certificates and rights: who gets in, and what
those hear who do not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from messaging.bus.base_adapter import BusAdapter
from messaging.bus.configuration import security_options
from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.bus.retry import RetryPolicy
from messaging.contract.records import RecordPosition
from messaging.errors import ConfigurationError, RetryableError, TopicLackingError
from tests.contract.conftest import outgoing, read
from tests.support.needs import absent
from tests.support.processes import PATIENCE
from tests.support.secure_kafka import MECHANISMS, PASSWORDS, SecureKafka
from tests.support.services import ServiceMissing, wait_until
from webchat.environment import Environment

Unique = Callable[[str], str]

WRONG_PASSWORD = "a-wrong-secret"
# Two tries of five seconds and the wait between them.
DEADLINE_SECONDS = 12
AT_ONCE_SECONDS = 4


@pytest.fixture(scope="module")
def kafka() -> Iterator[SecureKafka]:
    try:
        with SecureKafka() as broker:
            yield broker
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture
def adapter_with(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., BusAdapter]]:
    """An adapter as these variables configure it; nothing secret may be in any log afterwards."""
    caplog.set_level(logging.DEBUG)
    made: list[BusAdapter] = []

    def make(variables: dict[str, str]) -> BusAdapter:
        kafka = Environment(variables).kafka()
        adapter = KafkaAdapter(
            brokers=kafka.brokers,
            security=security_options(kafka),
            retry=RetryPolicy(tries=2, limit_seconds=DEADLINE_SECONDS),
        )
        made.append(adapter)
        return adapter

    yield make
    for adapter in made:
        adapter.close(timeout_seconds=2)
    for secret in (*PASSWORDS.values(), WRONG_PASSWORD):
        assert secret not in caplog.text
        assert not any(secret in str(vars(record)) for record in caplog.records)


@contextmanager
def rights(
    kafka: SecureKafka,
    principal: str,
    name: str,
    operation: ACLOperation = ACLOperation.ALL,
    *,
    kind: ResourceType = ResourceType.TOPIC,
) -> Iterator[None]:
    """This topic (or group) to this principal, for a while."""
    right = ACL(
        principal=principal,
        host="*",
        operation=operation,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(kind, name),
    )
    admin = KafkaAdminClient(bootstrap_servers=kafka.admin_brokers)
    admin.create_acls([right])
    try:
        yield
    finally:
        admin.delete_acls([right])
        admin.close()


def is_written(adapter: BusAdapter, topic: str) -> bool:
    (result,) = adapter.publish_many(outgoing(topic, 1))
    return isinstance(result, RecordPosition)


def refusal(adapter: BusAdapter, *, within: float) -> RetryableError:
    started = time.monotonic()
    with pytest.raises(RetryableError) as caught:
        adapter.connect()
    assert time.monotonic() - started < within * PATIENCE
    for secret in (*PASSWORDS.values(), WRONG_PASSWORD):
        assert secret not in str(caught.value)
    return caught.value


def use(adapter: BusAdapter, topic: str, group: str) -> None:
    """Everything the project does with a bus."""
    adapter.connect()
    adapter.ping(timeout_seconds=5)
    assert adapter.ensure_topics([topic], partitions=2, replication=1) == [topic]
    results = adapter.publish_many(outgoing(topic, 20))
    assert all(isinstance(result, RecordPosition) for result in results)
    source = adapter.open_source(group_id=group, topics=[topic])
    records = read(source, 20)
    source.commit({record.topic_partition: record.offset + 1 for record in records})
    source.close()
    assert sum(part.records for part in adapter.lag(group_id=group, topics=[topic])) == 0


class TestPassword:
    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_lets_in_whoever_has_it(
        self, kafka: SecureKafka, adapter_with: Any, unique: Unique, mechanism: str
    ) -> None:
        adapter = adapter_with(kafka.environment_of("webchat", mechanism=mechanism))
        use(adapter, unique("topic"), unique("group"))

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_that_is_wrong_is_said_in_words(
        self, kafka: SecureKafka, adapter_with: Any, mechanism: str
    ) -> None:
        variables = kafka.environment_of("webchat", mechanism=mechanism, password=WRONG_PASSWORD)
        error = refusal(adapter_with(variables), within=DEADLINE_SECONDS + 1)
        assert "KAFKA_SASL_PASSWORD" in str(error)
        assert kafka.brokers in str(error)

    def test_of_nobody_is_wrong_too(self, kafka: SecureKafka, adapter_with: Any) -> None:
        variables = kafka.environment_of("webchat") | {"KAFKA_SASL_USERNAME": "nobody"}
        error = refusal(adapter_with(variables), within=DEADLINE_SECONDS + 1)
        assert "KAFKA_SASL_USERNAME" in str(error)


class TestCertificate:
    def test_of_the_client_lets_it_in(
        self, kafka: SecureKafka, adapter_with: Any, unique: Unique
    ) -> None:
        use(adapter_with(kafka.mutual_environment()), unique("topic"), unique("group"))

    def test_of_the_broker_that_is_not_trusted_is_said_at_once(
        self, kafka: SecureKafka, adapter_with: Any
    ) -> None:
        variables = kafka.environment_of("webchat") | {"KAFKA_SSL_CAFILE": str(kafka.other_ca_file)}
        error = refusal(adapter_with(variables), within=AT_ONCE_SECONDS)
        assert isinstance(error, ConfigurationError)
        assert "KAFKA_SSL_CAFILE" in str(error)

    def test_of_another_authority_is_refused_at_once(
        self, kafka: SecureKafka, adapter_with: Any
    ) -> None:
        variables = kafka.mutual_environment() | {
            "KAFKA_SSL_CERTFILE": str(kafka.other_client.certificate),
            "KAFKA_SSL_KEYFILE": str(kafka.other_client.key),
        }
        error = refusal(adapter_with(variables), within=AT_ONCE_SECONDS)
        assert isinstance(error, ConfigurationError)
        assert "KAFKA_SSL_CERTFILE" in str(error)

    def test_that_is_not_shown_is_missed_at_once(
        self, kafka: SecureKafka, adapter_with: Any
    ) -> None:
        variables = kafka.mutual_environment() | {
            "KAFKA_SSL_CERTFILE": "",
            "KAFKA_SSL_KEYFILE": "",
        }
        error = refusal(adapter_with(variables), within=AT_ONCE_SECONDS)
        assert isinstance(error, ConfigurationError)
        assert "KAFKA_SSL_CERTFILE" in str(error)

    def test_with_a_locked_key_needs_its_password_and_asks_nobody(
        self, kafka: SecureKafka, adapter_with: Any, tmp_path: Path
    ) -> None:
        key = serialization.load_pem_private_key(kafka.client.key.read_bytes(), password=None)
        locked = tmp_path / "locked.pem"
        locked.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"of the key"),
            )
        )
        variables = kafka.mutual_environment() | {"KAFKA_SSL_KEYFILE": str(locked)}
        error = refusal(adapter_with(variables), within=AT_ONCE_SECONDS)
        assert isinstance(error, ConfigurationError)
        assert "KAFKA_SSL_PASSWORD" in str(error)
        adapter_with(variables | {"KAFKA_SSL_PASSWORD": "of the key"}).connect()

    def test_file_that_is_no_certificate_is_named(
        self, kafka: SecureKafka, adapter_with: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "ca.pem").write_text("nothing")
        for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
            variables = kafka.environment_of("webchat") | {"KAFKA_SSL_CAFILE": str(path)}
            error = refusal(adapter_with(variables), within=AT_ONCE_SECONDS)
            assert isinstance(error, ConfigurationError)
            assert "KAFKA_SSL_CAFILE" in str(error)


class TestProtocol:
    def test_without_tls_where_there_is_tls_is_said(
        self, kafka: SecureKafka, adapter_with: Any
    ) -> None:
        variables = {"KAFKA_BROKERS": kafka.brokers, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
        error = refusal(adapter_with(variables), within=DEADLINE_SECONDS + 1)
        assert "KAFKA_SECURITY_PROTOCOL" in str(error)

    def test_with_tls_where_there_is_none_is_said(
        self, kafka: SecureKafka, adapter_with: Any
    ) -> None:
        variables = kafka.mutual_environment() | {"KAFKA_BROKERS": kafka.admin_brokers}
        error = refusal(adapter_with(variables), within=DEADLINE_SECONDS + 1)
        assert "KAFKA_SECURITY_PROTOCOL" in str(error)


class TestRights:
    """The stranger may sign in, and nothing else."""

    @pytest.fixture
    def stranger(self, kafka: SecureKafka, adapter_with: Any) -> BusAdapter:
        adapter: BusAdapter = adapter_with(kafka.environment_of("stranger"))
        adapter.connect()
        return adapter

    @pytest.fixture
    def owner(self, kafka: SecureKafka, adapter_with: Any) -> BusAdapter:
        adapter: BusAdapter = adapter_with(kafka.environment_of("webchat"))
        return adapter

    @pytest.fixture
    def topic(self, owner: BusAdapter, unique: Unique) -> str:
        topic = unique("forbidden")
        owner.ensure_topics([topic], partitions=1, replication=1)
        return topic

    def test_that_are_missing_never_condemn_a_record(
        self, stranger: BusAdapter, topic: str
    ) -> None:
        started = time.monotonic()
        results = stranger.publish_many(outgoing(topic, 5))
        assert time.monotonic() - started < AT_ONCE_SECONDS * PATIENCE
        assert [type(result) for result in results] == [TopicLackingError] * 5
        assert "ACL" in str(results[0])

    @pytest.mark.parametrize("seen", [False, True], ids=["not to see", "to see, not to write"])
    def test_to_one_topic_that_are_missing_stop_no_other(
        self,
        kafka: SecureKafka,
        owner: BusAdapter,
        stranger: BusAdapter,
        unique: Unique,
        seen: bool,
    ) -> None:
        open_, closed = unique("open"), unique("closed")
        owner.ensure_topics([open_, closed], partitions=2, replication=1)
        right = ACLOperation.DESCRIBE if seen else ACLOperation.DESCRIBE_CONFIGS
        pairs = zip(outgoing(open_, 5), outgoing(closed, 5), strict=True)
        mixed = [record for pair in pairs for record in pair]
        with (
            rights(kafka, "User:stranger", open_),
            rights(kafka, "User:stranger", closed, right),
        ):
            wait_until(lambda: is_written(stranger, open_), seconds=20)
            for _ in range(5):
                results = stranger.publish_many(mixed)
                assert [type(result) for result in results[::2]] == [RecordPosition] * 5
                assert [type(result) for result in results[1::2]] == [TopicLackingError] * 5
                assert closed in str(results[1])
            assert stranger.breaker.state == "closed"

    def test_to_one_topic_alone_leave_the_breaker_closed(
        self, stranger: BusAdapter, topic: str
    ) -> None:
        for _ in range(5):
            stranger.publish_many(outgoing(topic, 1))
        assert stranger.breaker.state == "closed"

    def test_to_read_are_asked_for_in_words(self, stranger: BusAdapter, topic: str) -> None:
        started = time.monotonic()
        with pytest.raises(ConfigurationError, match="ACL"):
            source = stranger.open_source(group_id="forbidden", topics=[topic])
            try:
                source.poll(max_records=1, timeout_seconds=3)
            finally:
                source.close()
        assert time.monotonic() - started < AT_ONCE_SECONDS * PATIENCE

    @pytest.mark.parametrize("seen", [False, True], ids=["not to see", "to see, not to read"])
    def test_to_read_one_topic_that_are_missing_keep_no_other_from_being_read(
        self,
        kafka: SecureKafka,
        owner: BusAdapter,
        stranger: BusAdapter,
        unique: Unique,
        seen: bool,
    ) -> None:
        open_, closed, group = unique("open"), unique("closed"), unique("group")
        owner.ensure_topics([open_, closed], partitions=2, replication=1)
        owner.publish_many([*outgoing(open_, 10), *outgoing(closed, 10, first=10)])
        right = ACLOperation.DESCRIBE if seen else ACLOperation.DESCRIBE_CONFIGS
        with (
            rights(kafka, "User:stranger", open_),
            rights(kafka, "User:stranger", closed, right),
            rights(kafka, "User:stranger", group, kind=ResourceType.GROUP),
        ):
            wait_until(lambda: open_ not in stranger.find_lacking([open_]), seconds=20)
            source = stranger.open_source(group_id=group, topics=[open_, closed])
            try:
                assert {record.topic for record in read(source, 10)} == {open_}
                assert list(source.lacking) == [closed]
                assert "ACL" in source.lacking[closed]
                lags = stranger.lag(group_id=group, topics=[open_, closed])
                shown = {lag.topic_partition.topic for lag in lags}
                assert shown == ({open_, closed} if seen else {open_})
                with rights(kafka, "User:stranger", closed):
                    records = read(source, 20, seconds=30)
                    assert {record.topic for record in records} == {open_, closed}
                    assert dict(source.lacking) == {}

                def is_without() -> bool:
                    source.poll(max_records=100, timeout_seconds=0.2)
                    return list(source.lacking) == [closed]

                owner.publish_many(outgoing(closed, 10, first=20))
                wait_until(is_without, seconds=30)
                owner.publish_many(outgoing(open_, 1, first=50))
                assert 50 in [int(r.value or b"") for r in read(source, 11, seconds=30)]
            finally:
                source.close()

    def test_to_read_any_topic_that_are_missing_are_said_by_the_error_alone(
        self, stranger: BusAdapter, topic: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Who tries again every second would say it as often."""
        with pytest.raises(TopicLackingError, match=topic):
            stranger.open_source(group_id="any", topics=[topic])
        assert "is not read" not in caplog.text

    def test_to_make_topics_are_asked_for_in_words(
        self, stranger: BusAdapter, unique: Unique
    ) -> None:
        with pytest.raises(ConfigurationError, match="ACL"):
            stranger.ensure_topics([unique("topic")], partitions=1, replication=1)

    def test_to_see_are_asked_for_in_words(self, stranger: BusAdapter, topic: str) -> None:
        with pytest.raises(ConfigurationError, match="ACL"):
            stranger.describe_topics([topic])

    def test_that_are_given_later_need_no_restart(
        self, kafka: SecureKafka, stranger: BusAdapter, topic: str
    ) -> None:
        (refused,) = stranger.publish_many(outgoing(topic, 1))
        assert isinstance(refused, ConfigurationError)
        with rights(kafka, "User:stranger", topic):
            wait_until(lambda: is_written(stranger, topic), seconds=20)


class TestMissingTopic:
    """Brokers that create no topics of their own accord, as in production."""

    def test_is_named_and_stops_no_other(
        self, kafka: SecureKafka, adapter_with: Any, unique: Unique
    ) -> None:
        adapter = adapter_with(kafka.environment_of("webchat"))
        there, missing = unique("there"), unique("missing")
        adapter.ensure_topics([there], partitions=2, replication=1)
        for _ in range(4):
            started = time.monotonic()
            lost, written = adapter.publish_many([*outgoing(missing, 1), *outgoing(there, 1)])
            assert isinstance(written, RecordPosition)
            assert isinstance(lost, TopicLackingError)
            assert f"{missing} does not exist" in str(lost)
        assert time.monotonic() - started < 2 * PATIENCE  # it waits long only the first time
        assert adapter.breaker.state == "closed"
        adapter.ensure_topics([missing], partitions=1, replication=1)
        wait_until(lambda: is_written(adapter, missing), seconds=20)
