"""Every way to start the server, every kind of request with a secret in it: none is in its words.

The ways are read from the documents that name them, and run with every list of requests that Daphne
has.
"""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.raw_http import Raw, request
from tests.support.servers import ROOT, Server, environment, manage

pytestmark = pytest.mark.embedded

MAKE = """
from tests.support import people
from chat.webhooks.incoming import create_incoming_webhook
from chat.services.chats.invites import create_invite
import json
ann = people.make_person("ann")
chat = people.make_group(ann)
_, token = create_incoming_webhook(actor=ann, chat_id=chat.pk, name="Builds")
invite = create_invite(actor=ann, chat_id=chat.pk)
print(json.dumps({"hook": token, "invite": invite.token, "session": people.session_key(ann)}))
"""


def documented() -> dict[str, list[str]]:
    """The command lines of the documents, without what is of their machine."""
    readme = re.search(r"^\S*python (-m daphne .*?application)", text_of("README.md"), re.MULTILINE)
    unit = re.search(r"^ExecStart=\S+ (.+)$", text_of("deploy/systemd/webchat-web@.service"), re.M)
    image = re.search(r"^CMD (.+)$", text_of("Dockerfile"), re.MULTILINE)
    assert readme
    assert unit
    assert image
    return {
        "README": shlex.split(readme[1]),
        "systemd": shlex.split(unit[1]),
        "Dockerfile": json.loads(image[1])[1:],
        "compose": needs.module("yaml").safe_load(text_of("docker-compose.yml"))["services"]["web"][
            "command"
        ][1:],
    }


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


# Django's own server waits for a body however long it is to be; nothing of Daphne is in it.
WITHOUT_DAPHNE = "runserver without ASGI"
DAPHNE = ["-m", "daphne", "webchat.asgi:application"]
RUNSERVER = [str(ROOT / "manage.py"), "runserver", "--noreload"]
WAYS = {
    **documented(),
    "-v 2": [*DAPHNE[:2], "-v", "2", *DAPHNE[2:]],
    "-v 3": [*DAPHNE[:2], "-v", "3", *DAPHNE[2:]],
    "access log": [*DAPHNE[:2], "-v", "0", "--access-log", "-", *DAPHNE[2:]],
    "access log in a file": [*DAPHNE[:2], "--access-log", "access.log", *DAPHNE[2:]],
    "proxy headers": [*DAPHNE[:2], "--proxy-headers", *DAPHNE[2:]],
    "runserver": RUNSERVER,
    WITHOUT_DAPHNE: [*RUNSERVER, "--noasgi"],
}
# What lists no requests, or only refused ones.
QUIET = {"systemd", "Dockerfile", "compose", "runserver"}
# Much like one of the others.
ALIKE = {"Dockerfile", "-v 3", "access log in a file", "proxy headers", WITHOUT_DAPHNE}


class StartedAs(Server):
    """Started by this command line, on a port of its own."""

    def __init__(self, arguments: list[str], database_url: str, **env: str | int) -> None:
        super().__init__(database_url, None, **env)
        self.arguments = arguments

    def command(self) -> list[str]:
        if "runserver" in self.arguments:
            return [sys.executable, *self.arguments, str(self.port)]
        options, application = self.arguments[:-1], self.arguments[-1]
        kept = [
            one
            for before, one in zip(["", *options], options, strict=False)
            if one not in {"-p", "-b"} and before not in {"-p", "-b"}
        ]
        return [sys.executable, *kept, "-b", "127.0.0.1", "-p", str(self.port), application]

    def words(self) -> str:
        files = [self.log, *self.folder.glob("access.log")]
        return "\n".join(file.read_text(errors="replace") for file in files)


class TestLogs:
    @pytest.mark.parametrize(
        "way",
        [pytest.param(way, marks=[pytest.mark.long] if way in ALIKE else []) for way in WAYS],
        ids=str,
    )
    def test_hold_no_secret(self, way, tmp_path, migrated_sqlite_url):
        found = make_secrets(migrated_sqlite_url)
        form = "json" if way in {"README", "-v 2", "runserver"} else "text"
        with StartedAs(
            WAYS[way], migrated_sqlite_url, LOG_FORMAT=form, LOG_LEVEL="DEBUG"
        ) as server:
            asked = requests_with(found)
            if way == WITHOUT_DAPHNE:
                asked = [one for one in asked if b"Content-Length: 9900" not in one]
            statuses = [ask(server.port, one) for one in asked]
            spoil(migrated_sqlite_url)
            statuses += [ask(server.port, one) for one in asked[:4]]
            server.stop()
            words = server.words()
        # They came where they were meant to: taken, shown, not there, not understood, broken.
        assert {200, 201, 404, 405} <= set(statuses)
        assert {500, 503} & set(statuses)
        assert "/hooks/…" in words
        assert "/join/…" in words
        if way not in QUIET:
            assert "/api/search?…" in words
        for name, secret in found.items():
            assert secret not in words, f"{name}: {line_with(secret, words)}"


def make_secrets(database_url: str) -> dict[str, str]:
    done = manage("shell", "--no-imports", "-c", MAKE, env=environment(database_url))
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        **made,
        "wrong hook": "wR0ngH00kT0ken-_x",
        "wrong invite": "wR0ng1nv1teT0ken-_x",
        "password": "correct-horse-71",
        "authorization": "bEarerBearer99",
        "signature": "v1s1gnatureOfTheBody",
        "words": "gardenparty",
        "content": "whatsomebodywrote",
    }


def requests_with(found: dict[str, str]) -> list[bytes]:
    hook, invite = found["hook"], found["invite"]
    headers = [
        f"Cookie: sessionid={found['session']}; csrftoken={found['words']}",
        f"Authorization: Bearer {found['authorization']}",
        f"webhook-signature: {found['signature']}",
        "Connection: close",
    ]
    body = json.dumps({"text": found["content"]}).encode()
    form = f"username=ann&password={found['password']}".encode()
    length, form_length = f"Content-Length: {len(body)}", f"Content-Length: {len(form)}"
    as_form = "Content-Type: application/x-www-form-urlencoded"
    posts = [hook, f"{hook}/", f"x/{hook}", found["wrong hook"], f"%20{hook}", f"%61{hook}"]
    gets = [
        f"/join/{invite}",
        f"/join/{found['wrong invite']}",
        f"/join/{invite}/x",
        f"//join/{invite}",
        f"/JOIN/{invite}",
        f"/j%6fin/{invite}",
        f"/join/%00{invite}",
        f"/join/%20{invite}",
        f"/join/{invite}?a={hook}",
        f"/sign-in?next=/join/{invite}",
        f"/sign-in?next=%2Fjoin%2F{invite}",
        f"/api/search?q={found['words']}",
        f"/nothing?token={hook}&key={invite}",
        f"http://ann:{found['password']}@localhost/join/{invite}",
        f"/ws/?token={hook}",
    ]
    socket = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return [
        *(request(f"/hooks/{one}", *headers, length, method="POST", body=body) for one in posts),
        *(request(one, *headers) for one in gets),
        request(f"/hooks/{hook}", *headers),
        request(f"/hooks/{hook}", *headers, "Content-Length: 1x", method="POST"),
        request(f"/hooks/{hook}", *headers, "Content-Length: 99000000", method="POST"),
        request("/sign-in", *headers, as_form, form_length, method="POST", body=form),
        request(f"/join/{invite}", *headers).replace(b"Host: localhost", b"Host: evil.example"),
        request(f"/join/{invite}", *headers, f"B\xe4d: {hook}"),
        request(f"/join/\xff{invite}", *headers),
        request(f"/hooks/ {hook}", *headers),
        request(f"/join/{invite}", *socket, key, "Origin: http://localhost"),
        f"/hooks/{hook}\r\n\r\n".encode(),
    ]


def ask(port: int, data: bytes) -> int | None:
    with Raw(port) as peer:
        peer.send(data)
        # A socket stays open: the handshake's answer is enough.
        if b"Upgrade: websocket" in data:
            peer.read()
        else:
            peer.rest()
        return peer.status


def spoil(database_url: str) -> None:
    """Takes away a table that each request needs, so that something breaks."""
    with sqlite3.connect(Path(database_url.removeprefix("sqlite:///")), timeout=30) as database:
        for table in ("chat_invite", "chat_incomingwebhook"):
            database.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
    database.close()


def line_with(secret: str, words: str) -> str:
    return next(line for line in words.splitlines() if secret in line)[:1000]
