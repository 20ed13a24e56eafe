"""Every route and every frame type × every kind of person."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from tests.integration.chat import test_api, test_frames
from tests.integration.chat.conftest import in_thread
from tests.security.doors import frame_types, pages, staff_pages
from tests.security.kinds import EveryKind
from tests.security.rights import API, KINDS, PAGES, SIGNED_OUT, SOCKET, STAFF
from tests.support.people import everything_stored, post_text
from tests.support.sockets import ChatSocket, Closed

pytestmark = pytest.mark.django_db

CASES = {f"{case.method} {case.pattern.partition('?')[0]}": case for case in test_api.CASES}
FRAMES = {case.type: case for case in test_frames.CASES}


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def world(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return EveryKind()


STAFF_PATHS = {
    "<path:content_type_id>": 1,
    "<path:object_id>": 1,
    "^(?P<app_label>chat|auth|messaging)/$": "chat/",
    "(?P<url>.*)$": "nothing/",
}


def filled(path: str, given: Mapping[str, object]) -> str:
    for name, value in given.items():
        path = path.replace(name, str(value))
    return path


def test_every_door_has_a_line():
    assert CASES.keys() == API.keys()
    assert frame_types() == SOCKET.keys()
    assert pages() == PAGES.keys()


class TestRoute:
    @pytest.mark.parametrize("door", API)
    def test_lets_in_exactly_those_of_its_line(self, world, door):
        told = {}
        for kind in KINDS:
            before = everything_stored()
            with undone():
                answer = self.ask(world, CASES[door], kind)
                told[kind] = said(answer)
                if told[kind] != "ok":
                    assert everything_stored() == before, kind
        assert told == API[door]

    def ask(self, world: EveryKind, case: test_api.Case, kind: str) -> Any:
        client, url = world.clients[kind], world.url(case)
        if case.is_form:
            return client.post(url, {"file": SimpleUploadedFile("a.txt", b"words")})
        body = world.body(case)
        data = json.dumps(body) if body else b""
        return client.generic(case.method, url, data=data, content_type="application/json")


def said(answer: Any) -> str:
    if answer.status_code < 300:
        return "ok"
    code: str = answer.json()["error"]["code"]
    return code


class TestPage:
    @pytest.mark.parametrize("path", PAGES)
    def test_lets_in_exactly_those_of_its_line(self, world, path):
        """By each method: what a method is not for is refused alike to all who are let in."""
        told = {}
        for kind in KINDS:
            with undone():
                answers = {self.ask(world, path, kind, method) for method in ("get", "post")}
                told[kind] = "ok" if "ok" in answers else "/".join(sorted(answers - {"method"}))
        assert told == PAGES[path]

    def ask(self, world: EveryKind, path: str, kind: str, method: str) -> str:
        given = {
            "<int:chat_id>": world.chat.pk,
            "<uuid:attachment_id>": world.attachment.pk,
            "<int:sign_in_id>": 1,
            "<str:form>": "csv",
            "<str:token>": "x" * 43,
        }
        answer = getattr(world.clients[kind], method)(f"/{filled(path, given)}")
        if answer.streaming and not answer.is_async:
            list(answer.streaming_content)  # a file is closed when it was read
        location = answer.get("Location", "")
        if answer.status_code == 302 and location.startswith("/sign-in?"):
            return "sign_in"
        refusals = {403: "forbidden", 404: "not_found", 405: "method"}
        assert answer.status_code in {200, 302, *refusals}, (kind, method, answer.status_code)
        return refusals.get(answer.status_code, "ok")


class TestStaffPages:
    OPEN = {"admin/login/", "admin/logout/"}

    def test_are_closed_to_everyone_who_is_no_staff(self, world):
        """By GET and POST, whatever the address; and nothing is changed by trying."""
        before = everything_stored()
        for path in sorted({*staff_pages()} - self.OPEN):
            url = f"/{filled(path, STAFF_PATHS)}"
            for kind in set(KINDS) - set(STAFF):
                for method in ("get", "post"):
                    answer = getattr(world.clients[kind], method)(url)
                    assert answer.status_code in {302, 403}, (url, kind, method)
                    if answer.status_code == 302:
                        assert "/sign-in" in answer["Location"] or "login" in answer["Location"]
        assert everything_stored() == before


@pytest.mark.django_db(transaction=True)
class TestFrame:
    @pytest.mark.parametrize("frame_type", SOCKET)
    async def test_is_taken_from_exactly_those_of_its_line(
        self, live, settings, tmp_path, frame_type
    ):
        settings.MEDIA_ROOT = str(tmp_path)
        settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
        case = FRAMES[frame_type]
        refused = [kind for kind in KINDS if SOCKET[frame_type][kind] != "ok"]
        world = await in_thread(EveryKind)
        before = await in_thread(everything_stored)
        told = {kind: await self.ask(world, case, kind) for kind in refused}
        assert await in_thread(everything_stored) == before
        for kind in set(KINDS) - set(refused):
            # Each with a message of its own: what one has deleted another cannot edit.
            world.message = await in_thread(post_text, world.chat, world.bob)
            told[kind] = await self.ask(world, case, kind)
        assert told == SOCKET[frame_type]

    async def ask(self, world: EveryKind, case: test_frames.Case, kind: str) -> str:
        key = world.keys.get(kind)
        socket = ChatSocket(key and f"{configured.SESSION_COOKIE_NAME}={key}")
        if kind in SIGNED_OUT:
            with pytest.raises(Closed, match="4401"):
                await socket.open()
            return "signed_out"
        await socket.open()
        try:
            fields = self.filled(world, case)
            if case.is_answered:
                answer = await socket.ask(case.type, **fields)
                return "ok" if answer["type"] == "reply" else str(answer["code"])
            await socket.send(case.type, **fields)
            errors = [n for n in await socket.everything_until_now() if n["type"] == "error"]
            return str(errors[0]["code"]) if errors else "ok"
        finally:
            await socket.leave()

    def filled(self, world: EveryKind, case: test_frames.Case) -> dict[str, Any]:
        return test_frames.World.fields(world, case)  # type: ignore[arg-type]
