"""bench/sessions.py makes people who are signed in and in their chat."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

import pytest

from tests.support.servers import ROOT, environment, start_server

pytestmark = pytest.mark.embedded


class TestSessions:
    def test_let_their_people_into_their_chat(self, migrated_sqlite_url):
        done = subprocess.run(
            [
                sys.executable,
                "bench/sessions.py",
                "--rooms",
                "2",
                "--size",
                "3",
                "--url",
                "ws://x/",
            ],
            cwd=ROOT,
            env=environment(migrated_sqlite_url),
            capture_output=True,
            check=True,
        )
        rooms = json.loads(done.stdout)
        assert [len(room) for room in rooms] == [3, 3]
        assert len({person["cookie"] for room in rooms for person in room}) == 6
        assert len({person["chat"] for room in rooms for person in room}) == 2
        one = rooms[1][2]
        assert one["url"] == "ws://x/"
        with start_server(migrated_sqlite_url) as server:
            page = f"{server.url}/chats/{one['chat']}"
            request = urllib.request.Request(page, headers={"Cookie": one["cookie"]})
            with urllib.request.urlopen(request) as answer:
                assert answer.url == page  # not sent away to sign in
                assert "Load 2" in answer.read().decode()
