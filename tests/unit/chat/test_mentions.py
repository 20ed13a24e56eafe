"""Whom a text names; tests/e2e/test_client_logic.py holds the browser to the same table."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from chat.content.mentions import mentioned_names

CASES = json.loads((Path(__file__).resolve().parents[2] / "mentions.json").read_text())


class TestMentionedNames:
    @pytest.mark.parametrize(("text", "names"), CASES)
    def test_are_those_of_the_table(self, text, names):
        assert mentioned_names(text) == frozenset(names)

    @pytest.mark.parametrize(
        "piece", ["**", "`", "`\n", "> *a **b ", "```\n", "```a\n", "@a ", "(https://a", "@a@", "@"]
    )
    def test_of_the_worst_text_are_soon_found(self, piece):
        worst = (piece * 4000)[:3998] + "@a"
        start = time.process_time()
        mentioned_names(worst)
        assert time.process_time() - start < 2
