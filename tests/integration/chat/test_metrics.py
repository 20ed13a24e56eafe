"""/metrics: what Prometheus reads of a web process, and who else may."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import Client
from django.utils.translation import override
from prometheus_client.parser import text_string_to_metric_families

from chat.limits.table import FRAMES
from chat.limits.words import too_many
from chat.live.runtime import counts, runtime
from messaging.away import DatabaseAwayError
from messaging.models import ConsumerState, DeadLetter
from messaging.operating import measuring
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.staff import make_row

pytestmark = pytest.mark.django_db(transaction=True)

Sample = tuple[str, ...]  # a name and its labels' values


@pytest.fixture(autouse=True)
def each_look_is_fresh(monkeypatch):
    monkeypatch.setattr("messaging.operating.looks.FRESH_SECONDS", -1.0)


def read() -> dict[Sample, float]:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


class TestMetrics:
    def test_tell_the_buss_figures(self, settings):
        settings.MESSAGE_BUS = "kafka"
        make_row(DeadLetter)
        state = make_row(ConsumerState)
        ConsumerState.objects.filter(pk=state.pk).update(lag_records=7, lag_seconds=1.5)
        found = read()
        assert found["webchat_bus_figures",] == 1
        assert found["webchat_dead_letters",] == 1
        assert found["webchat_outbox_waiting",] == 0
        assert found["webchat_consumers", "webchat-group"] == 1
        assert found["webchat_lag_records", "webchat-group"] == 7
        assert found["webchat_lag_seconds", "webchat-group"] == 1.5

    def test_tell_which_group_nobody_reads_for(self, settings):
        settings.MESSAGE_BUS = "kafka"
        found = read()
        assert found["webchat_consumers", "webchat-group"] == 0
        assert found["webchat_unattended_events", "webchat-group"] == 0

    def test_tell_what_is_known_while_the_database_is_away(self, monkeypatch):
        def fail() -> None:
            raise DatabaseAwayError("The database is away: it does not answer")

        monkeypatch.setattr(measuring, "read_figures", fail)
        found = read()
        assert found["webchat_bus_figures",] == 0
        assert ("webchat_dead_letters",) not in found
        assert ("webchat_sockets",) in found

    def test_count_requests_by_pattern_and_refusals_by_limit(self):
        before = read()
        Client().get("/chats/12345")
        Client().get("/no/such/page/of/anybody")
        with override("en"):
            too_many(FRAMES, 3)
        found = read()

        def more(*sample: str) -> float:
            return found[sample] - before.get(sample, 0.0)

        assert more("webchat_request_seconds_count", "GET", "chats/<int:chat_id>", "3xx") == 1
        assert more("webchat_request_seconds_count", "GET", "none", "4xx") == 1
        assert more("webchat_limited_total", "frames") == 1
        assert not any("12345" in label for sample in found for label in sample)

    async def test_tell_who_is_connected_and_how_long_saving_takes(self, connect, ann, bob):
        for person in (ann, ann, bob):
            await connect(person)
        chat = await in_thread(people.make_group, ann)
        before = await in_thread(read)
        await people.outcome_of(runtime().poster, people.new_post(chat, ann, "hello"))
        found = await in_thread(read)
        assert (counts().sockets, counts().people) == (3, 2)
        assert found["webchat_sockets",] == 3
        assert found["webchat_people",] == 2
        for sample in ("webchat_posts_total",), ("webchat_commit_seconds_count",):
            assert found[sample] == before[sample] + 1

    @pytest.mark.parametrize("address", ["203.0.113.7", "10.1.2.3", "2001:db8::1", ""])
    def test_are_no_page_for_anybody_else(self, address):
        assert Client().get("/metrics", REMOTE_ADDR=address).status_code == 404

    def test_are_for_whom_the_settings_name(self, settings):
        settings.METRICS_ALLOW = (ip_network("10.0.0.0/8"),)
        assert Client().get("/metrics").status_code == 404
        assert Client().get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 200

    def test_are_read_by_address_whatever_the_host_is_called(self, settings):
        settings.ALLOWED_HOSTS = ["chat.example.org"]
        assert Client().get("/metrics", headers={"host": "127.0.0.1:8000"}).status_code == 200
        refused = Client().get(
            "/metrics", headers={"host": "127.0.0.1:8000"}, REMOTE_ADDR="203.0.113.7"
        )
        assert refused.status_code == 404

    def test_change_nothing(self):
        assert Client().post("/metrics").status_code == 405
