"""Inputs nobody thought of: frames, bodies, queries and texts. None is answered with a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction

from chat.content.reactions import check_reaction
from chat.content.text import CONTENT_LENGTH, check_content, check_title
from chat.errors import ChatError
from chat.live import consumers
from chat.wire.fields import Fields
from chat.wire.payloads import to_line
from chat.wire.protocol import Frame, parse_frame, request_id_of
from tests.integration.chat.test_api import CASES, Case, World
from tests.integration.chat.test_frames import CASES as FRAMES
from tests.support.people import everything_stored, make_group, make_people
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st

# Lone surrogates, NUL and noncharacters among them.
TEXTS = st.text(st.characters())
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, 2**63 - 1, 2**63, 10**30])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(TEXTS, values, max_size=4),
    max_leaves=8,
)
FIELDS = sorted({name for case in [*FRAMES] for name in case.fields} | {"reply_to", "attachments"})
OBJECTS = st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=8)
quick = hypothesis.settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)


REFUSALS = {"bad_text", "empty", "too_long"}


def outcome(work: Callable[[], Any]) -> Any:
    """What it returns, or the refusal that it raises; any other exception is a failure."""
    try:
        return work()
    except ChatError as refusal:
        return refusal


def written(value: Any) -> str:
    """As JSON, what JSON does not know included."""
    return json.dumps(value)


class TestFrame:
    @hypothesis.given(TEXTS)
    def test_of_any_text_is_a_frame_or_refused_with_a_code(self, text):
        self.parse(text)

    @hypothesis.given(st.sampled_from([case.type for case in FRAMES]) | TEXTS, OBJECTS)
    def test_of_any_object_is_a_frame_or_refused_with_a_code(self, kind, fields):
        self.parse(written({**fields, "type": kind}))

    def parse(self, text: str) -> None:
        found = outcome(lambda: parse_frame(text))
        assert isinstance(found, Frame) or found.code != "error"
        request_id = request_id_of(text)
        assert request_id is None or to_line({"request_id": request_id})

    @hypothesis.given(VALUES)
    def test_takes_a_field_of_its_kind_alone(self, value):
        fields = Fields({"it": value})
        kinds = {"id": int, "number": int, "text": str, "flag": bool}
        for name, kind in kinds.items():
            found = outcome(partial(getattr(fields, name), "it"))
            if isinstance(found, ChatError):
                assert "it" in str(found.detail)
            else:
                assert (type(found), found) == (kind, value)


class TestText:
    @hypothesis.given(TEXTS)
    def test_is_kept_as_it_is_or_refused(self, text):
        kept = outcome(lambda: check_content(text))
        if isinstance(kept, ChatError):
            assert kept.code in REFUSALS
        else:
            assert kept == text
            assert 0 < len(text) <= CONTENT_LENGTH
            assert "\0" not in text
            assert text.encode().decode() == text
            assert json.loads(to_line({"content": text})) == {"content": text}
            assert "\n" not in to_line({"content": text})

    @hypothesis.given(TEXTS)
    def test_of_a_title_is_one_line_that_stays_as_it_is(self, text):
        title = outcome(lambda: check_title(text))
        if isinstance(title, ChatError):
            assert title.code in REFUSALS
        else:
            assert check_title(title) == title
            assert len(title.splitlines()) == 1

    @hypothesis.given(TEXTS)
    def test_of_a_reaction_stays_as_it_is_once_it_is_taken(self, text):
        reaction = outcome(lambda: check_reaction(text))
        if isinstance(reaction, ChatError):
            assert reaction.code in REFUSALS
        else:
            assert check_reaction(reaction) == reaction


@pytest.mark.django_db
class TestRoute:
    @pytest.fixture
    def world(self, settings, tmp_path):
        settings.MEDIA_ROOT = str(tmp_path)
        return World()

    @pytest.mark.parametrize(
        "case", [case for case in CASES if case.writes and not case.is_form], ids=str
    )
    @hypothesis.settings(quick, max_examples=25)
    @hypothesis.given(data=st.data())
    def test_of_any_body_answers_in_json_with_a_code(self, world, case, data):
        names = sorted({*(case.body or {}), *case.wrong}) or ["it"]
        body = data.draw(st.dictionaries(st.sampled_from(names), VALUES))
        for name in data.draw(st.sets(st.sampled_from(names))):
            if name in (case.body or {}):
                body[name] = (world.body(case) or {})[name]
        self.ask(world, case, body=written(body))

    @pytest.mark.parametrize("case", [case for case in CASES if case.wrong_query], ids=str)
    @hypothesis.settings(quick, max_examples=25)
    @hypothesis.given(data=st.data())
    def test_of_any_query_answers_in_json_with_a_code(self, world, case, data):
        names = sorted(case.wrong_query)
        query = data.draw(st.dictionaries(st.sampled_from(names), TEXTS | st.integers().map(str)))
        asked = "&".join(
            f"{name}={quote(value, errors='replace')}" for name, value in query.items()
        )
        self.ask(world, case, url=f"{world.url(case).partition('?')[0]}?{asked}")

    def ask(self, world: World, case: Case, **options: Any) -> None:
        before = everything_stored()
        with transaction.atomic():
            answer = world.ask(case, getattr(world, case.by), **options)
            assert answer.status_code < 500, answer.content
            if answer.status_code >= 400:
                assert answer.json()["error"]["code"]
                assert everything_stored() == before
            transaction.set_rollback(True)


class TestSocket:
    @quick
    @hypothesis.given(
        frames=st.lists(
            TEXTS
            | st.builds(
                lambda kind, fields: written({**fields, "type": kind}),
                st.sampled_from([case.type for case in FRAMES if case.type != "ping"]),
                OBJECTS,
            ),
            max_size=20,
        )
    )
    async def test_stays_open_whatever_comes(self, connect, settings, monkeypatch, frames):
        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
        # However many are refused, and however fast.
        monkeypatch.setattr(consumers, "MAX_REFUSED_FRAMES", 1_000_000)
        socket = await self.one_socket(connect)
        for text in frames:
            await socket.send_text(text)
        assert (await socket.ask("ping"))["type"] == "reply"
        # No exception was met at the edge: that is what "error" is for.
        assert [line for line in socket.lines if line.get("code") == "error"] == []
        socket.lines.clear()

    async def one_socket(self, connect) -> Any:
        """The same for all examples of the test."""
        if not hasattr(connect, "socket"):
            from tests.integration.chat.conftest import in_thread

            ann, bob = await in_thread(make_people, "ann", "bob")
            await in_thread(make_group, ann, bob)
            connect.socket = await connect(ann)
        return connect.socket
