"""The JSON Schema files of the topics, `<topic>.v<version>.json`, compiled once per process.

The project gives them: they are in the package settings.TOPIC_SCHEMAS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import fastjsonschema
import orjson
from django.conf import settings

from messaging.errors import InvalidEventError


@dataclass(frozen=True, slots=True)
class TopicSchema:
    """One topic's contract in one version."""

    topic: str
    version: int
    check_shape: Callable[[Any], Any]
    type_prefix: str
    type_field: str
    type_default: str | None
    # None: any.
    types: frozenset[str] | None

    def check(self, payload: Any) -> None:
        """Raises InvalidEventError, whose text names the field and the rule, never a value."""
        if not isinstance(payload, Mapping):
            raise InvalidEventError("the value is not a JSON object")
        try:
            self.check_shape(payload)
        except fastjsonschema.JsonSchemaValueException as error:
            raise InvalidEventError(_reason(error, payload)) from None

    def event_type(self, payload: Mapping[str, Any]) -> str:
        """The type that a valid payload stands for."""
        return f"{self.type_prefix}{payload.get(self.type_field, self.type_default)}"


def topics() -> list[str]:
    """All that the project has, but for those of dead letters."""
    return sorted({topic for topic, _ in _schemas()})


def find_schema(topic: str, version: int) -> TopicSchema:
    """Raises InvalidEventError when there is no such topic or version."""
    try:
        return _schemas()[topic, version]
    except KeyError:
        versions = known_versions(topic)
        if not versions:
            raise InvalidEventError(f"topic {topic} has no schema") from None
        known = ", ".join(map(str, versions))
        raise InvalidEventError(
            f"schema version {version:d} of topic {topic} is unknown; known: {known}"
        ) from None


def known_versions(topic: str) -> list[int]:
    return sorted(version for name, version in _schemas() if name == topic)


def event_types(topic: str) -> frozenset[str] | None:
    """What its events can be, over all versions; None: anything. Of no topic of ours: nothing."""
    found: frozenset[str] = frozenset()
    for version in known_versions(topic):
        types = find_schema(topic, version).types
        if types is None:
            return None
        found |= types
    return found


@cache
def _schemas() -> dict[tuple[str, int], TopicSchema]:
    found = {}
    for file in files(settings.TOPIC_SCHEMAS).iterdir():
        if file.name.endswith(".json"):
            topic, version = file.name.removesuffix(".json").rsplit(".v", 1)
            found[topic, int(version)] = _compile(topic, int(version), file.read_bytes())
    return found


def _compile(topic: str, version: int, text: bytes) -> TopicSchema:
    definition = orjson.loads(text)
    event_type = definition["x-event-type"]
    prefix, values = event_type["prefix"], definition["properties"][event_type["field"]].get("enum")
    return TopicSchema(
        topic=topic,
        version=version,
        check_shape=fastjsonschema.compile(definition, use_default=False),
        type_prefix=prefix,
        type_field=event_type["field"],
        type_default=event_type.get("default"),
        types=None if values is None else frozenset(f"{prefix}{value}" for value in values),
    )


def _reason(error: fastjsonschema.JsonSchemaValueException, payload: Mapping[str, Any]) -> str:
    field = ".".join(error.path[1:]) or "the value"
    if error.rule == "required":
        missing = [name for name in error.rule_definition if name not in payload]
        return "missing: " + ", ".join(missing)
    return f"{field} breaks the rule {error.rule} {_shown(error.rule_definition)}".rstrip()


def _shown(rule: Any) -> str:
    """Rules that are a number, a word or a list of words; the others say enough by their name."""
    if isinstance(rule, list):
        return ", ".join(str(item) for item in rule if not isinstance(item, dict))
    return str(rule) if isinstance(rule, int | str) else ""
