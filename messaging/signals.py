"""What operators do to the pipe, announced to whoever keeps an audit log. Decides nothing."""

from __future__ import annotations

import getpass
import os
import socket
from typing import TypeAlias

from django.contrib.auth.base_user import AbstractBaseUser
from django.dispatch import Signal

# Somebody who is signed in, or a name for whoever sits at a shell: see `shell_operator`.
Operator: TypeAlias = AbstractBaseUser | str

# Sent in the transaction of the action, so that neither exists without the other. Arguments:
#   action   what it was done to, and what happened to it: "dead_letter.replayed", "outbox.retried"
#   target   a pair of kind and id: ("dead_letter", 7); ("", "") where there is no single one
#   details  what is worth knowing besides, as JSON: counts, ids, a reason; never a record's content
#   actor    an Operator
operated = Signal()


def shell_operator() -> str:
    """Who runs this command, as well as the operating system knows: "deploy@web-1"."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as containers have it
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"
