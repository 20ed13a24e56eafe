"""What a newcomer's first minute needs, in a real browser against a real server."""

from __future__ import annotations

import pytest

from tests.support.playwrights import Error, expect
from tests.support.processes import wait_until
from tests.support.servers import Server, start_server


def is_ready(server: Server) -> None:
    wait_until(lambda: server.status_of("/readyz") == 200, seconds=10)


class TestServer:
    def test_answers_once_it_is_started(self, server):
        assert server.status_of("/livez") == 200
        is_ready(server)

    def test_two_processes_share_one_postgresql_and_redis(self, migrated_postgres_url, redis_url):
        with (
            start_server(migrated_postgres_url, redis_url) as one,
            start_server(migrated_postgres_url, redis_url) as other,
        ):
            is_ready(one)
            is_ready(other)


class TestBrowser:
    @pytest.mark.parametrize("host", ["192.0.2.1", "nobody.example.org"])
    def test_speaks_to_nobody_beyond_this_machine(self, server, new_person, host):
        person = new_person(server)
        person.expects(host)
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            person.page.goto(f"http://{host}/")


class TestFirstPage:
    def test_asks_to_sign_in_and_the_browser_has_nothing_to_complain_of(self, server, new_person):
        person = new_person(server)
        person.goto("/")
        expect(person.page.locator("form input[name=username]")).to_be_visible()

    def test_notices_what_the_browser_complains_of(self, server, new_person):
        person = new_person(server)
        person.goto("/")
        with person.page.expect_console_message():
            person.page.evaluate("console.error('this is on purpose')")
        assert [c for c in person.complaints if "this is on purpose" in c]
        person.expects("this is on purpose")
