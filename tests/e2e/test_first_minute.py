"""What a newcomer's first minute needs, in a real browser against a real server."""

from __future__ import annotations

from tests.servers import start_server


class TestServer:
    def test_answers_once_it_is_started(self, server):
        assert server.status_of("/livez") == 200
        assert server.status_of("/readyz") == 200

    def test_two_processes_share_one_postgresql_and_redis(self, migrated_postgres_url, redis_url):
        with (
            start_server(migrated_postgres_url, redis_url) as one,
            start_server(migrated_postgres_url, redis_url) as other,
        ):
            assert one.status_of("/readyz") == other.status_of("/readyz") == 200


class TestFirstPage:
    def test_asks_to_sign_in_and_the_browser_has_nothing_to_complain_of(self, server, new_person):
        person = new_person(server)
        person.goto("/")
        assert person.page.locator("form input[name=username]").is_visible()

    def test_notices_what_the_browser_complains_of(self, server, new_person):
        person = new_person(server)
        person.goto("/")
        person.page.evaluate("console.error('this is on purpose')")
        person.page.wait_for_function("true")
        assert [c for c in person.complaints if "this is on purpose" in c]
        person.expects("this is on purpose")
