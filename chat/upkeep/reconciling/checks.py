"""All comparisons within one snapshot. Each check yields what is damaged, chat by chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from chat.upkeep.reconciling.activity_check import check_activity
from chat.upkeep.reconciling.damage import Damage
from chat.upkeep.reconciling.handler_checks import check_audit, check_handled
from chat.upkeep.reconciling.member_check import check_members
from chat.upkeep.reconciling.message_checks import (
    check_chats,
    check_cursors,
    check_doubles,
    check_events,
    check_messages,
)
from chat.upkeep.reconciling.snapshot import Scope

Check = Callable[[Scope, timedelta], Iterator[Damage]]

CHECKS: tuple[Check, ...] = (
    check_chats,
    check_members,
    check_cursors,
    check_messages,
    check_events,
    check_doubles,
    check_handled,
    check_audit,
    check_activity,
)
