"""How many connections there may be, and how long each part of one may take."""

from __future__ import annotations

import logging

import pytest

from webchat.daphne.connections import KEPT_DESCRIPTORS, Connections, max_connections
from webchat.daphne.deadlines import Deadlines, Phase


def connections(*, most: int = 100, max_per_address: int = 10, proxy: str = "10.0.0.1"):
    return Connections(
        most=most, max_per_address=max_per_address, is_proxy=lambda address: address == proxy
    )


def fill(found: Connections, address: str | None) -> int:
    """Opens connections until one is refused; how many there were."""
    count = 0
    while found.admits(address) and count < 1000:
        found.take(address)
        count += 1
    return count


class TestOneAddress:
    def test_has_its_limit_and_leaves_the_others_theirs(self):
        found = connections()
        assert fill(found, "203.0.113.5") == 10
        assert fill(found, "203.0.113.6") == 10

    def test_of_ipv6_is_a_customers_network(self):
        found = connections()
        assert fill(found, "2001:db8:1:2::1") == 10
        assert not found.admits("2001:db8:1:2:3::1")
        assert found.admits("2001:db8:1:3::1")

    def test_gets_at_most_half_of_all(self):
        assert fill(connections(max_per_address=0), "203.0.113.5") == 50
        assert fill(connections(max_per_address=80), "203.0.113.5") == 50

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_of_this_machine_is_bound_by_the_half_only(self, address):
        assert fill(connections(), address) == 50

    @pytest.mark.parametrize("address", ["10.0.0.1", None])
    def test_of_a_trusted_proxy_or_a_unix_socket_is_bound_by_the_whole(self, address):
        assert fill(connections(), address) == 100

    def test_may_come_again_when_it_has_gone(self):
        found = connections(most=2)
        give_back = found.take("203.0.113.5")
        assert not found.admits("203.0.113.5")
        give_back()
        assert found.admits("203.0.113.5")
        assert found.count == 0


class TestAll:
    def test_are_no_more_than_there_are_descriptors_for(self):
        found = connections(most=25)
        assert sum(fill(found, f"203.0.113.{number}") for number in range(9)) == 25

    @pytest.mark.parametrize("descriptors", [16, 64, 256, 512, 1023, 1024, 4096, 1 << 20])
    def test_leave_some_descriptors_for_other_work(self, descriptors):
        most = max_connections(descriptors)
        assert descriptors // 2 <= most <= descriptors - min(KEPT_DESCRIPTORS, descriptors // 4)

    def test_that_were_refused_are_told_of_once(self, caplog):
        found = connections(most=0)
        with caplog.at_level(logging.WARNING, logger="webchat"):
            for _ in range(1000):
                found.admits("203.0.113.5")
        assert len(caplog.records) == 1


class TestDeadlines:
    TIMES = Deadlines(
        head_seconds=15, idle_seconds=75, grace_seconds=20, bytes_per_second=100, longest_seconds=60
    )

    def test_of_a_head_are_not_put_off_by_its_bytes(self):
        assert self.TIMES.of(Phase.HEAD, moved=0) == self.TIMES.of(Phase.HEAD, moved=9999) == 15

    @pytest.mark.parametrize("phase", [Phase.BODY, Phase.SENDING, Phase.CLOSING])
    def test_of_what_is_longer_ask_for_a_pace_and_end_all_the_same(self, phase):
        seconds = [self.TIMES.of(phase, moved=moved) for moved in (0, 1000, 1_000_000)]
        assert seconds == [20, 30, 60]

    @pytest.mark.parametrize("phase", [Phase.ANSWER, Phase.DONE])
    def test_are_none_while_it_is_our_turn(self, phase):
        assert self.TIMES.of(phase, moved=0) is None
