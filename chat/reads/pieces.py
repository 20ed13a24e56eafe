"""A long download, made as it is sent: neither its whole nor a connection is held meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Final

from asgiref.sync import sync_to_async

from chat.database.threads import let_go_of_database

# Characters. What is read for one piece is read with one connection; between them there is none.
PIECE_LENGTH: Final = 256 * 1024


async def in_pieces(parts: Iterator[str]) -> AsyncGenerator[str]:
    """`parts` may query as they like, but hold no cursor from one to the next."""
    read = sync_to_async(partial(_read_piece, joined(parts)))
    while piece := await read():
        yield piece


def joined(parts: Iterator[str]) -> Iterator[str]:
    """In pieces of PIECE_LENGTH, or little more."""
    held: list[str] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length >= PIECE_LENGTH:
            yield "".join(held)
            held, length = [], 0
    if held:
        yield "".join(held)


def _read_piece(pieces: Iterator[str]) -> str | None:
    try:
        return next(pieces, None)
    finally:
        let_go_of_database()
