"""Addresses in every form that proxies and systems write them in."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from chat.addresses import address_group, client_address, parse_address


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("192.0.2.7", "192.0.2.7"),
            (" 192.0.2.7:50123 ", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:50123", "2001:db8::1"),
            ('"[2001:db8::1]:50123"', "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ],
    )
    def test_knows_each_form(self, text, address):
        assert str(parse_address(text)) == address

    @pytest.mark.parametrize(
        "text", ["", "unknown", "_hidden", "localhost", "1.2.3", "1.2.3.4.5", "a" * 9999, "0x7f.1"]
    )
    def test_takes_nothing_else_for_one(self, text):
        assert parse_address(text) is None


class TestGroups:
    def test_of_ipv4_are_single_addresses(self):
        assert address_group("192.0.2.7") == address_group("::ffff:192.0.2.7") == "192.0.2.7"
        assert address_group("192.0.2.7") != address_group("192.0.2.8")

    def test_of_ipv6_are_one_customers_network(self):
        assert address_group("2001:db8:1:2::1") == address_group("2001:db8:1:2:ffff:1:2:3")
        assert address_group("2001:db8:1:2::1") != address_group("2001:db8:1:3::1")

    def test_of_what_is_no_address_are_what_was_given(self):
        assert (address_group(""), address_group("testclient")) == ("", "testclient")


class TestClients:
    def test_are_read_from_requests_and_scopes_alike(self):
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
        assert (
            client_address(request) == client_address({"client": ["192.0.2.7", 1]}) == "192.0.2.7"
        )

    def test_of_a_unix_socket_have_none(self):
        request = RequestFactory().get("/")
        del request.META["REMOTE_ADDR"]
        assert client_address(request) == client_address({"client": None}) == ""
