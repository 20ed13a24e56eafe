"""How a route, a frame or a page says which row of the table it is under, and is held to it.

A function without a word about it cannot be a route: `rule_of` raises TypeError when the addresses
are read. Doors take from the row before they call the function: what is asked counts, done or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

from chat.limits.counting import Count, take
from chat.limits.table import Limit

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Unlimited:
    """Needs no row of its own, and why."""

    reason: str


Rule = Limit | Unlimited


def under(rule: Rule) -> Callable[[Function], Function]:
    """Declares a function's row."""

    def declare(function: Function) -> Function:
        function.limit = rule  # type: ignore[attr-defined]
        return function

    return declare


def rule_of(function: Callable[..., Any]) -> Rule:
    """Raises TypeError where nothing was said."""
    rule = getattr(function, "limit", None)
    if not isinstance(rule, Limit | Unlimited):
        raise TypeError(f"{function} names no limit: see chat/limits/doors.py")
    return rule


def is_decided_here(rule: Rule) -> TypeGuard[Limit]:
    """By this process alone, at once: also on the event loop."""
    return isinstance(rule, Limit) and rule.is_joined


def knock(rule: Rule, user_id: int) -> None:
    """Takes one of the person's. Raises TooManyError."""
    if isinstance(rule, Limit):
        take(Count(rule, user_id))
