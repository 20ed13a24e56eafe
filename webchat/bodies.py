"""Django's handler, which keeps large bodies on the disk: one for which there is no room is refused
like any upload, instead of ending in an error of ours.
"""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIHandler

from chat.http.json import error_response
from chat.pictures.checking import is_for_want_of_room, no_room


class NoRoom:
    """Stands for a body that could not be kept."""

    def close(self) -> None:
        pass


class Handler(ASGIHandler):
    async def read_body(self, receive: Any) -> Any:
        try:
            return await super().read_body(receive)
        except OSError as error:
            if is_for_want_of_room(error):
                return NoRoom()
            raise

    def create_request(self, scope: Any, body_file: Any) -> Any:
        if isinstance(body_file, NoRoom):
            return None, error_response(no_room())
        return super().create_request(scope, body_file)
