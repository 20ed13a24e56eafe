"""One chat in one process: who listens, and how far its changes have been passed on, in order."""

from __future__ import annotations

import time
from typing import Final

from chat.live.hub.sockets import Socket

# How long a change that came too early waits for the ones before it; after that they are read.
HOLE_SECONDS: Final = 0.25
# More than this held back also counts as a gap, however recent.
MAX_HELD: Final = 2000


class Room:
    """Lines with a revision leave in revision order, each once, whatever order they arrive in."""

    __slots__ = (
        "_asides",
        "_held",
        "_hole_since",
        "_lines",
        "chat_id",
        "head",
        "known_head",
        "sockets",
    )

    def __init__(self, chat_id: int) -> None:
        self.chat_id = chat_id
        self.sockets: set[Socket] = set()
        # Everything up to this revision has been passed on; None until it has been read once.
        self.head: int | None = None
        # The newest revision heard of.
        self.known_head = 0
        self._lines: list[str] = []
        # By audience: whom a line is about (0: nobody whom a block could hide), and the line.
        self._asides: dict[str, list[tuple[int, str]]] = {}
        self._held: dict[int, str] = {}
        self._hole_since: float | None = None

    def learn_head(self, revision: int) -> None:
        """What a newcomer has just read; the first newcomer sets the room's position."""
        if self.head is None:
            self.move_to(revision)
        else:
            self.hear_of(revision)

    def hear_of(self, revision: int) -> None:
        """This revision exists, however that was heard."""
        self.known_head = max(self.known_head, revision)
        self._note_hole()

    def add(self, line: str, revision: int = 0) -> None:
        if not revision:
            self._lines.append(line)
            return
        self.known_head = max(self.known_head, revision)
        if self.head is not None and revision <= self.head:
            return
        self._held[revision] = line
        self._release()

    def move_to(self, revision: int, line: str = "") -> None:
        """Everything up to `revision` has been passed on elsewhere, or is in `line`."""
        if self.head is not None and revision < self.head:
            return
        self.head = revision
        self.known_head = max(self.known_head, revision)
        if line:
            self._lines.append(line)
        for early in [held for held in self._held if held <= revision]:
            del self._held[early]
        self._release()

    def forget_beyond_head(self) -> None:
        """There is nothing newer in the database: the announcement was wrong."""
        self._held.clear()
        self.known_head = self.head or 0
        self._note_hole()

    def has_hole(self, *, now: float) -> bool:
        """True when waiting longer for the missing changes is pointless."""
        if self._hole_since is None:
            return False
        return now - self._hole_since >= HOLE_SECONDS or len(self._held) > MAX_HELD

    @property
    def is_behind(self) -> bool:
        return self._hole_since is not None

    def take_block(self) -> str:
        """The lines waiting for the room's sockets, joined; empty when there are none."""
        block = self._lines[0] if len(self._lines) == 1 else "\n".join(self._lines)
        self._lines.clear()
        return block

    def add_aside(self, audience: str, line: str, *, about: int = 0) -> None:
        self._asides.setdefault(audience, []).append((about, line))

    @property
    def has_asides(self) -> bool:
        return bool(self._asides)

    def put_asides(self) -> list[Socket]:
        """Gives each audience its lines; returns the sockets that now have something to write."""
        written = []
        for audience, lines in self._asides.items():
            whole = "\n".join(line for _about, line in lines)
            people = {about for about, _line in lines}
            for socket in self.sockets:
                if audience not in socket.audiences or socket.apart is None:
                    continue
                block = whole if socket.apart.isdisjoint(people) else _without(socket.apart, lines)
                if block:
                    socket.put(block)
                    written.append(socket)
        self._asides.clear()
        return written

    def _release(self) -> None:
        if self.head is not None:
            while (line := self._held.pop(self.head + 1, None)) is not None:
                self.head += 1
                self._lines.append(line)
        self._note_hole()

    def _note_hole(self) -> None:
        if self.head is None or self.known_head <= self.head:
            self._hole_since = None
        elif self._hole_since is None:
            self._hole_since = time.monotonic()


def _without(apart: frozenset[int], lines: list[tuple[int, str]]) -> str:
    return "\n".join(line for about, line in lines if about not in apart)
