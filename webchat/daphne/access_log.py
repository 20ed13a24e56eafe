"""Mends Daphne's list of requests, which has whole addresses in it, passwords and searches too.

Of `python -m daphne` (whatever -v or --access-log say) and of `manage.py runserver` alike.
"""

from __future__ import annotations

from typing import Any

from daphne.server import Server

from webchat.redaction import redacted_path


def hide_secrets_in_access_log() -> None:
    log_action = Server.log_action

    def log_hidden(server: Server, protocol: str, action: str, details: dict[str, Any]) -> None:
        if server.action_logger:
            log_action(
                server, protocol, action, {**details, "path": redacted_path(details["path"])}
            )

    Server.log_action = log_hidden
