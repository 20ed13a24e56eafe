"""Facts of signing in and out, whichever page it was done on.

Tries that fail are told of at the 1st, 2nd, 4th, 8th … of an hour and account, with their number:
a thousand of them are ten facts. When very many accounts are tried, their number is told likewise.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from chat.addresses import client_address
from chat.content.names import normal_form
from chat.events.facts import record_fact
from chat.limits import tries
from chat.models import User

HOUR_SECONDS = 3600
MINUTE_SECONDS = 60
MAX_FACTS_A_MINUTE = 60
SHOWN_LENGTH = 40


@receiver(user_logged_in)
def record_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    details = {"address": client_address(request)}
    record_fact("sign_in.succeeded", actor=user, target=("person", user.pk), details=details)


@receiver(user_logged_out)
def record_sign_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record_fact("sign_in.ended", actor=user, target=("person", user.pk), details={"count": 1})


@receiver(user_login_failed)
def record_wrong_password(
    credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    address = client_address(request) if request else ""
    record_failed_sign_in(str(credentials.get("username", "")), address)


def record_failed_sign_in(account: str, address: str) -> None:
    """Also for a try whose password was not looked at any more."""
    account = account.strip()[:SHOWN_LENGTH]
    key = tries.key_of("failed", normal_form(account))
    count = tries.count(key, window_seconds=HOUR_SECONDS)
    if not _is_told(count):
        return
    facts = tries.count(tries.key_of("failed-facts"), window_seconds=MINUTE_SECONDS)
    if facts <= MAX_FACTS_A_MINUTE:
        details = {"account": account, "address": address, "tries": count}
        record_fact("sign_in.failed", actor=None, target=_target_of(account), details=details)
    elif _is_told(facts):
        record_fact("sign_in.failed", actor=None, details={"accounts": facts, "address": address})


def _is_told(count: int) -> bool:
    """Powers of two."""
    return count & (count - 1) == 0


def _target_of(account: str) -> tuple[str, object]:
    person = User.objects.named(account).values_list("pk", flat=True).first()
    return ("person", person) if person else ("account", account)
