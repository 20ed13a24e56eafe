"""Reads the environment for settings.py; every mistake names the variable and what is expected."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from chat.limits.table import Limit
from webchat.log import logging_settings

SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
Network = IPv4Network | IPv6Network
UNIX = "unix"
TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}
MAX_DIGITS = 18
MAX_SHOWN = 100
MAX_PORT = 65_535
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;",
}
POSTGRESQL_OPTIONS = {
    "server_side_binding": True,
    "connect_timeout": 5,
    "options": "-c statement_timeout=30000 -c lock_timeout=10000"
    " -c idle_in_transaction_session_timeout=60000",
}


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    client_id: str
    group_id: str
    brokers: tuple[str, ...]
    security_protocol: str
    sasl_mechanism: str
    sasl_username: str
    sasl_password: str
    ssl_cafile: str
    ssl_certfile: str
    ssl_keyfile: str
    ssl_password: str
    ssl_check_hostname: bool
    topic_partitions: int
    topic_replication: int

    def __repr__(self) -> str:
        return f"KafkaSettings(client_id={self.client_id!r}, brokers={self.brokers!r})"


class Environment:
    """The process's variables, or a mapping given by a test."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, *, default: str = "") -> str:
        return self._variables.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value not in TRUE | FALSE:
            raise self._wrong(name, "true or false")
        return value in TRUE

    def whole_number(self, name: str, *, default: int, minimum: int = 0) -> int:
        value = self.text(name, default=str(default))
        is_number = value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS
        if not (is_number and int(value) >= minimum):
            raise self._wrong(name, f"a whole number, {minimum} or more")
        return int(value)

    def limit(self, row: Limit) -> int:
        return self.whole_number(row.variable, default=row.default, minimum=row.minimum)

    def limits(self, rows: Iterable[Limit]) -> dict[str, int]:
        """A setting for each row of the table."""
        return {row.variable: self.limit(row) for row in rows}

    def choice(self, name: str, choices: tuple[str, ...], *, default: str) -> str:
        value = self.text(name, default=default)
        if value not in choices:
            raise self._wrong(name, "one of " + ", ".join(choices))
        return value

    def names(self, name: str, *, default: list[str] | None = None) -> list[str]:
        given = [part.strip() for part in self.text(name).split(",")]
        return [part for part in given if part] or list(default or [])

    def origins(self, name: str) -> list[str]:
        origins = [origin.rstrip("/") for origin in self.names(name)]
        if not all(map(_is_origin, origins)):
            raise self._wrong(
                name, "full origins like https://chat.example.org, separated by commas"
            )
        return origins

    def proxies(self, name: str) -> tuple[Network | str, ...]:
        """Addresses and networks; `unix` for whoever opens the Unix socket we listen on."""
        try:
            return tuple(one if one == UNIX else ip_network(one) for one in self.names(name))
        except ValueError:
            expected = (
                "addresses or networks like 127.0.0.1, 10.0.0.0/8, ::1, or unix, comma-separated"
            )
            raise self._wrong(name, expected) from None

    def networks(self, name: str, *, default: str) -> tuple[Network, ...]:
        """Addresses and networks."""
        try:
            return tuple(ip_network(one) for one in self.names(name, default=default.split(",")))
        except ValueError:
            expected = "addresses or networks like 127.0.0.1, 10.0.0.0/8, ::1, comma-separated"
            raise self._wrong(name, expected) from None

    def passwords(self) -> list[str]:
        """All that was given us as a secret, as it is and as it stands in a URL."""
        names = ("SECRET_KEY", "KAFKA_SASL_PASSWORD", "KAFKA_SSL_PASSWORD")
        found = [self.text(name) for name in names]
        for name in ("DATABASE_URL", "REDIS_URL"):
            parts = _split(self.text(name))
            password = (parts and parts.password) or ""
            found += [password, unquote(password)]
        return [one for one in found if one]

    def secret_key(self, *, database_url: str, file: Path) -> str:
        """SECRET_KEY; on SQLite, where one machine has it all, a key made once in `file`."""
        key = self.text("SECRET_KEY")
        if key:
            if len(key) < 32:
                raise ImproperlyConfigured(
                    "SECRET_KEY is too short; expected 32 characters or more."
                )
            return key
        if not database_url.startswith("sqlite"):
            raise ImproperlyConfigured(
                "SECRET_KEY is missing; expected 32 random characters or more, the same in every"
                " process. Make one with:"
                " python -c 'import secrets; print(secrets.token_urlsafe(50))'"
            )
        return _kept_secret(file)

    def redis_url(self, name: str) -> str:
        url = self.text(name)
        if url and not _is_redis_url(url):
            raise self._wrong(name, "a URL like redis://localhost:6379/0", secret=True)
        return url

    def database(self, url: str) -> dict[str, Any]:
        try:
            # No conn_max_age: under ASGI each request has a thread and so a connection of its own.
            # What talks to the database all the time has threads that keep theirs (chat/database).
            database: dict[str, Any] = dict(dj_database_url.parse(url))
        except (ValueError, KeyError):
            expected = "a URL like postgres://user:password@host:5432/name or sqlite:///path"
            raise self._wrong("DATABASE_URL", expected, secret=True) from None
        options = database.setdefault("OPTIONS", {})
        # Django's own, with errors that say whether the server is away.
        database["ENGINE"] = database["ENGINE"].replace("django.db.", "messaging.")
        if database["ENGINE"].endswith("sqlite3"):
            options.update(SQLITE_OPTIONS)
            path = Path(database["NAME"])
            path.parent.mkdir(parents=True, exist_ok=True)
            database["TEST"] = {"NAME": str(path.with_name(f"test-{path.name}"))}
        elif database["ENGINE"].endswith("postgresql"):
            options.update(POSTGRESQL_OPTIONS)
        else:
            raise self._wrong("DATABASE_URL", "PostgreSQL or SQLite", secret=True)
        return database

    def channel_layer(self, redis_url: str) -> dict[str, Any]:
        if not redis_url:
            return {
                "BACKEND": "channels.layers.InMemoryChannelLayer",
                "CONFIG": {"capacity": 10_000},
            }
        # redis-py's own socket_timeout of 5 s is as long as the layer's blocking read: idle sockets
        # would die of it.
        host = {"address": redis_url, "socket_timeout": 20, "socket_connect_timeout": 2}
        return {
            "BACKEND": "webchat.channel_layer.RedisLayer",
            "CONFIG": {"hosts": [host], "capacity": 10_000, "expiry": 60},
        }

    def cache(self, redis_url: str) -> dict[str, Any]:
        if not redis_url:
            return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        # Signing in waits for it: an answer that takes a second does not come.
        options = {"socket_timeout": 1, "socket_connect_timeout": 1}
        return {
            "BACKEND": "webchat.cache.SharedCache",
            "LOCATION": redis_url,
            "KEY_PREFIX": "webchat",
            "OPTIONS": options,
        }

    def of_python(self) -> dict[str, str]:
        """For a Python process of our own: where it and its libraries are, and no secrets."""
        names = ("PATH", "PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH")
        return {name: value for name in names if (value := self._variables.get(name))}

    @property
    def kafka_is_named(self) -> bool:
        return bool(self.text("KAFKA_BROKERS")) or self.flag("IS_DOCKER", default=False)

    def message_bus(self) -> str:
        default = "kafka" if self.kafka_is_named else "embedded"
        return self.choice("MESSAGE_BUS", ("embedded", "kafka"), default=default)

    def kafka(self) -> KafkaSettings:
        in_docker = self.flag("IS_DOCKER", default=False)
        brokers = self.names(
            "KAFKA_BROKERS", default=["kafka:9092" if in_docker else "localhost:29092"]
        )
        for broker in brokers:
            host, _, port = broker.rpartition(":")
            if not host or not _is_port(port):
                raise self._wrong("KAFKA_BROKERS", "host:port, separated by commas")
        return KafkaSettings(
            client_id=self.text("KAFKA_CLIENT_ID", default="webchat"),
            group_id=self.text("KAFKA_GROUP_ID", default="webchat-group"),
            brokers=tuple(brokers),
            security_protocol=self.choice(
                "KAFKA_SECURITY_PROTOCOL", SECURITY_PROTOCOLS, default="PLAINTEXT"
            ),
            sasl_mechanism=self.choice(
                "KAFKA_SASL_MECHANISM", SASL_MECHANISMS, default="SCRAM-SHA-512"
            ),
            sasl_username=self.text("KAFKA_SASL_USERNAME"),
            sasl_password=self.text("KAFKA_SASL_PASSWORD"),
            ssl_cafile=self.text("KAFKA_SSL_CAFILE"),
            ssl_certfile=self.text("KAFKA_SSL_CERTFILE"),
            ssl_keyfile=self.text("KAFKA_SSL_KEYFILE"),
            ssl_password=self.text("KAFKA_SSL_PASSWORD"),
            ssl_check_hostname=self.flag("KAFKA_SSL_CHECK_HOSTNAME", default=True),
            topic_partitions=self.whole_number("KAFKA_TOPIC_PARTITIONS", default=6, minimum=1),
            topic_replication=self.whole_number("KAFKA_TOPIC_REPLICATION", default=1, minimum=1),
        )

    def logging(self, *, debug: bool) -> dict[str, Any]:
        level = self.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
        form = self.choice("LOG_FORMAT", ("text", "json"), default="text" if debug else "json")
        return logging_settings(level=level, form=form)

    def _wrong(self, name: str, expected: str, *, secret: bool = False) -> ImproperlyConfigured:
        shown = "wrong" if secret else repr(self.text(name)[:MAX_SHOWN])
        return ImproperlyConfigured(f"{name} is {shown}; expected {expected}.")


def _is_origin(origin: str) -> bool:
    """Scheme, host and perhaps a port; nothing else."""
    parts = _split(origin)
    return (
        parts is not None
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
        and not any(character.isspace() or character in "*?#" for character in origin)
    )


def _is_redis_url(url: str) -> bool:
    parts = _split(url)
    if parts is None or parts.scheme not in {"redis", "rediss", "unix"}:
        return False
    return bool(parts.path if parts.scheme == "unix" else parts.hostname)


def _split(url: str) -> SplitResult | None:
    """None when it is no URL, or its port is no port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= MAX_PORT


def _kept_secret(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(made, "w") as out:
            out.write(secrets.token_urlsafe(50))
    return file.read_text().strip()
