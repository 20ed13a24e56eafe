"""Collected static files: a browser may keep them for ever, so each name says what is in it."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.core.management import call_command


@pytest.fixture
def collected(tmp_path, settings):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "webchat.static.HashedStaticStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0, skip_checks=True)
    return storages["staticfiles"]


class TestCollectedFiles:
    def test_import_each_other_by_their_hashed_names(self, collected):
        modules = list((settings.STATIC_ROOT / "chat" / "js").rglob("*.*.js"))
        assert modules
        for module in modules:
            for name in re.findall(r'(?:from |import |import\()"(\.[^"]+)"', module.read_text()):
                assert re.search(r"\.[0-9a-f]{12}\.js$", name), f"{module.name} imports {name}"
                assert (module.parent / name).exists()

    def test_are_named_by_their_content(self, collected):
        assert re.search(r"/chat/js/main\.[0-9a-f]{12}\.js$", collected.url("chat/js/main.js"))
