"""Every wrong or missing variable is named, with what is expected; secrets are never shown."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chat.limits.table import TABLE
from webchat.environment import Environment

LONG_KEY = "k" * 32
SECRET = "hunter2"


def env(**variables: str) -> Environment:
    return Environment(variables)


def complaint(read, *arguments, **options) -> str:
    """What is shown when reading fails, with all that Python would print of its causes."""
    with pytest.raises(ImproperlyConfigured) as caught:
        read(*arguments, **options)
    error = caught.value
    assert SECRET not in "".join(traceback.format_exception(error, limit=0))
    assert "Traceback" not in str(error)
    return str(error)


class TestText:
    def test_is_stripped(self):
        assert env(A="  x ").text("A") == "x"

    @pytest.mark.parametrize("variables", [{}, {"A": ""}, {"A": "  "}])
    def test_that_is_empty_is_the_default(self, variables):
        assert env(**variables).text("A", default="d") == "d"


class TestFlag:
    @pytest.mark.parametrize("value", ["true", "True", "1", "yes", "ON", " on "])
    def test_is_on(self, value):
        assert env(DEBUG=value).flag("DEBUG", default=False) is True

    @pytest.mark.parametrize("value", ["false", "FALSE", "0", "no", "Off"])
    def test_is_off(self, value):
        assert env(DEBUG=value).flag("DEBUG", default=True) is False

    @pytest.mark.parametrize("default", [True, False])
    def test_is_the_default_when_it_is_not_set(self, default):
        assert env(DEBUG="").flag("DEBUG", default=default) is default

    @pytest.mark.parametrize("value", ["maybe", "2", "truee", "да"])
    def test_is_nothing_else(self, value):
        said = complaint(env(DEBUG=value).flag, "DEBUG", default=False)
        assert "DEBUG" in said
        assert "true or false" in said
        assert value in said


class TestWholeNumber:
    @pytest.mark.parametrize(("value", "number"), [("0", 0), ("30", 30), ("", 7)])
    def test_is_read(self, value, number):
        assert env(LIMIT=value).whole_number("LIMIT", default=7) == number

    @pytest.mark.parametrize("value", ["-1", "1.5", "ten", "1e3", "٣", "²", "0x10", "1_000"])
    def test_is_nothing_else(self, value):
        said = complaint(env(LIMIT=value).whole_number, "LIMIT", default=7)
        assert "LIMIT" in said
        assert "a whole number, 0 or more" in said

    def test_is_not_below_its_minimum(self):
        said = complaint(env(LIMIT="0").whole_number, "LIMIT", default=7, minimum=1)
        assert "1 or more" in said

    def test_is_not_endless(self):
        said = complaint(env(LIMIT="9" * 5000).whole_number, "LIMIT", default=7)
        assert "LIMIT" in said
        assert len(said) < 300


class TestOrigins:
    def test_are_full_origins_with_commas(self):
        given = " https://chat.example.org , http://localhost:8000/,http://[::1]:8000 "
        assert env(ALLOWED_ORIGINS=given).origins("ALLOWED_ORIGINS") == [
            "https://chat.example.org",
            "http://localhost:8000",
            "http://[::1]:8000",
        ]

    def test_may_be_none(self):
        assert env().origins("ALLOWED_ORIGINS") == []

    @pytest.mark.parametrize(
        "value",
        [
            "chat.example.org",
            "//chat.example.org",
            "*",
            "null",
            "ws://chat.example.org",
            "https://",
            "https://chat.example.org/chat",
            "https://chat.example.org?a=b",
            "https://chat.example.org#a",
            "https://ann@chat.example.org",
            "https://chat.example.org:port",
            "https://chat.example.org:99999",
            "https://[::1",
            "https://a.example https://b.example",
            "http://localhost:8000,evil",
        ],
    )
    def test_are_nothing_else(self, value):
        said = complaint(env(ALLOWED_ORIGINS=value).origins, "ALLOWED_ORIGINS")
        assert "ALLOWED_ORIGINS" in said
        assert "https://chat.example.org" in said


class TestSecretKey:
    def test_is_the_one_that_was_given(self, tmp_path):
        key = env(SECRET_KEY=LONG_KEY).secret_key(
            database_url="postgres://h/n", file=tmp_path / "key"
        )
        assert key == LONG_KEY
        assert not (tmp_path / "key").exists()

    def test_is_not_a_short_one(self, tmp_path):
        read = env(SECRET_KEY=SECRET).secret_key
        said = complaint(read, database_url="sqlite:///x", file=tmp_path / "key")
        assert "SECRET_KEY" in said
        assert "32 characters" in said

    def test_must_be_given_beside_a_database_server(self, tmp_path):
        said = complaint(env().secret_key, database_url="postgres://h/n", file=tmp_path / "key")
        assert "SECRET_KEY is missing" in said
        assert "token_urlsafe" in said

    def test_is_made_once_on_sqlite_for_nobody_else_to_read(self, tmp_path):
        file = tmp_path / "var" / "key"
        first = env().secret_key(database_url="sqlite:///x", file=file)
        assert len(first) >= 50
        assert env().secret_key(database_url="sqlite:///x", file=file) == first
        assert file.stat().st_mode & 0o077 == 0


class TestDatabase:
    def test_is_postgresql(self):
        found = env().database("postgres://ann:pw@db.example.org:5433/chat")
        assert found["ENGINE"].endswith("postgresql")
        assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example.org", 5433, "chat")
        # A database that hangs must not hang the chat.
        assert found["OPTIONS"]["connect_timeout"]
        assert "statement_timeout" in found["OPTIONS"]["options"]
        assert "lock_timeout" in found["OPTIONS"]["options"]

    def test_is_sqlite_in_a_folder_that_is_made(self, tmp_path):
        found = env().database(f"sqlite:///{tmp_path}/new/chat.sqlite3")
        assert (tmp_path / "new").is_dir()
        assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        assert "WAL" in found["OPTIONS"]["init_command"]

    @pytest.mark.parametrize(
        "url",
        [
            f"mysql://ann:{SECRET}@db/chat",
            f"ann:{SECRET}@db/chat",
            f"postgre://ann:{SECRET}@db/chat",
            f"postgres://ann:{SECRET}/x@db:5432/chat",
            f"postgres://ann:{SECRET}[x@db/chat",
            f"postgres://ann@db:{SECRET}/chat",
            SECRET,
        ],
    )
    def test_is_nothing_else_and_its_password_is_not_shown(self, url):
        said = complaint(env(DATABASE_URL=url).database, url)
        assert "DATABASE_URL" in said
        assert "PostgreSQL" in said or "postgres://" in said


class TestRedisUrl:
    @pytest.mark.parametrize("url", ["", "redis://h:6379/0", "rediss://h/0", "unix:///run/redis"])
    def test_is_read(self, url):
        assert env(REDIS_URL=url).redis_url("REDIS_URL") == url

    @pytest.mark.parametrize(
        "url",
        ["localhost:6379", f"http://:{SECRET}@h", SECRET, f"redis://:{SECRET}@[h", "redis:6379"],
    )
    def test_is_nothing_else_and_its_password_is_not_shown(self, url):
        said = complaint(env(REDIS_URL=url).redis_url, "REDIS_URL")
        assert "REDIS_URL" in said
        assert "redis://localhost:6379/0" in said

    def test_gives_the_layer_patience_for_idle_sockets(self):
        layer = env().channel_layer("redis://h/0")
        assert layer["BACKEND"] == "webchat.channel_layer.RedisLayer"
        assert layer["CONFIG"]["hosts"][0]["socket_timeout"] > 5

    def test_without_it_the_layer_is_in_memory(self):
        assert "InMemory" in env().channel_layer("")["BACKEND"]


class TestMessageBus:
    @pytest.mark.parametrize(
        ("variables", "bus"),
        [
            ({}, "embedded"),
            ({"KAFKA_BROKERS": "h:1"}, "kafka"),
            ({"IS_DOCKER": "true"}, "kafka"),
            ({"IS_DOCKER": "false"}, "embedded"),
            ({"KAFKA_BROKERS": "h:1", "MESSAGE_BUS": "embedded"}, "embedded"),
            ({"MESSAGE_BUS": "kafka"}, "kafka"),
        ],
    )
    def test_follows_from_what_is_set(self, variables, bus):
        assert env(**variables).message_bus() == bus

    def test_is_nothing_else(self):
        said = complaint(env(MESSAGE_BUS="rabbit").message_bus)
        assert "MESSAGE_BUS" in said
        assert "embedded, kafka" in said


class TestKafka:
    @pytest.mark.parametrize(
        ("variables", "brokers"),
        [
            ({}, ("localhost:29092",)),
            ({"IS_DOCKER": "true"}, ("kafka:9092",)),
            ({"KAFKA_BROKERS": "a:1, b:2 ,"}, ("a:1", "b:2")),
            ({"KAFKA_BROKERS": "a:1", "IS_DOCKER": "true"}, ("a:1",)),
        ],
    )
    def test_brokers_follow_from_what_is_set(self, variables, brokers):
        assert env(**variables).kafka().brokers == brokers

    @pytest.mark.parametrize("value", ["kafka", "kafka:", "kafka:x", "a:1,b", ":9092", "a:99999"])
    def test_brokers_are_host_and_port(self, value):
        said = complaint(env(KAFKA_BROKERS=value).kafka)
        assert "KAFKA_BROKERS" in said
        assert "host:port" in said

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("KAFKA_SECURITY_PROTOCOL", "TLS", "SASL_SSL"),
            ("KAFKA_SASL_MECHANISM", "GSSAPI", "SCRAM-SHA-512"),
            ("KAFKA_SSL_CHECK_HOSTNAME", "perhaps", "true or false"),
            ("KAFKA_TOPIC_PARTITIONS", "0", "1 or more"),
            ("KAFKA_TOPIC_REPLICATION", "many", "1 or more"),
        ],
    )
    def test_a_wrong_variable_is_named(self, name, value, expected):
        said = complaint(env(**{name: value}).kafka)
        assert name in said
        assert value in said
        assert expected in said

    def test_shows_no_password(self):
        kafka = env(KAFKA_SASL_PASSWORD=SECRET, KAFKA_SSL_PASSWORD=SECRET).kafka()
        assert kafka.sasl_password == SECRET
        assert SECRET not in repr(kafka) + str(kafka)


class TestLimits:
    @pytest.mark.parametrize("limit", TABLE, ids=lambda limit: limit.variable)
    def test_a_wrong_variable_is_named(self, limit):
        for wrong in ("many", "-1", "1.5"):
            said = complaint(env(**{limit.variable: wrong}).limits, TABLE)
            assert limit.variable in said
            assert wrong in said

    def test_are_read_and_have_defaults(self):
        read = env(LIMIT_EDITS_PER_MINUTE="7").limits(TABLE)
        assert read["LIMIT_EDITS_PER_MINUTE"] == 7
        assert read == {limit.variable: limit.default for limit in TABLE} | {
            "LIMIT_EDITS_PER_MINUTE": 7
        }


class TestLogging:
    @pytest.mark.parametrize(
        ("name", "expected"), [("LOG_LEVEL", "WARNING"), ("LOG_FORMAT", "text, json")]
    )
    def test_a_wrong_variable_is_named(self, name, expected):
        said = complaint(env(**{name: "loud"}).logging, debug=False)
        assert name in said
        assert expected in said


class TestSettings:
    def test_read_every_documented_variable(self):
        """Each is in the settings or in the environment module, and nowhere else."""
        root = Path(__file__).parents[3]
        files = ("webchat/settings.py", "webchat/environment.py", "chat/limits/table.py")
        read = "".join((root / file).read_text() for file in files)
        for name in (
            "SECRET_KEY",
            "DEBUG",
            "ALLOWED_HOSTS",
            "ALLOWED_ORIGINS",
            "DATABASE_URL",
            "REDIS_URL",
            "MESSAGE_BUS",
            "KAFKA_BROKERS",
            "IS_DOCKER",
            "LIMIT_FRAMES_PER_SECOND",
            "LIMIT_MESSAGES_PER_MINUTE",
        ):
            assert f'"{name}"' in read
        for folder in ("chat", "messaging"):
            for file in (root / folder).rglob("*.py"):
                assert "os.environ" not in file.read_text(), file
