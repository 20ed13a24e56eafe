"""What is missing is skipped with a word, and with CI=true it fails."""

from __future__ import annotations

import pytest

from tests.support import needs


class TestAbsent:
    def test_skips_on_a_machine_of_a_person(self, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match="install it"):
            needs.absent("No such thing: install it")

    @pytest.mark.parametrize("value", ["true", "True", "1"])
    def test_fails_where_nothing_may_be_missing(self, monkeypatch, value):
        monkeypatch.setenv("CI", value)
        with pytest.raises(pytest.fail.Exception, match="install it"):
            needs.absent("No such thing: install it")


class TestModule:
    def test_is_given_where_it_is_installed(self):
        assert needs.module("json").dumps({}) == "{}"

    def test_is_named_with_the_way_to_get_it(self, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match=r"pip install -r requirements-dev\.txt"):
            needs.module("nobody_made_this")
