"""What property tests take from hypothesis; without it they are left out with a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import needs

if TYPE_CHECKING:
    import hypothesis
    from hypothesis import strategies
    from hypothesis.extra.django import TestCase
else:
    hypothesis = needs.hypothesis()
    strategies = needs.module("hypothesis.strategies")
    TestCase = needs.module("hypothesis.extra.django").TestCase

__all__ = ["TestCase", "hypothesis", "strategies"]
