"""The process that redraws one picture: a file in, the picture and its preview out.

Started by chat.picture_process with descriptors of open files. It has no secrets and no database,
and bounds on time and memory, past which it ends; what became of it is one line of JSON.

    python -m chat.pictures.drawing_process CPU_SECONDS MEMORY_BYTES FILE_BYTES CONTENT_FD \
        PREVIEW_FD <file
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import shutil
import sys
from typing import IO, Any, Final

from chat.pictures.drawing import (
    MAX_FRAMES,
    MAX_PIXELS,
    Drawn,
    TooManyFrames,
    TooManyPixels,
    redraw,
)

# Whoever waits for an answer of the web process goes first.
NICENESS: Final = 10
NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}


def main(cpu_seconds: int, memory_bytes: int, file_bytes: int, *descriptors: int) -> None:
    _bind(cpu_seconds, memory_bytes, file_bytes)
    sys.stdout.write(json.dumps(_told(sys.stdin.buffer, *descriptors)))


def _bind(cpu_seconds: int, memory_bytes: int, file_bytes: int) -> None:
    os.nice(NICENESS)
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    # Not every system bounds everything, and some hold us to less already.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, soft if hard is None else hard))


def _told(file: IO[bytes], content_fd: int, preview_fd: int) -> dict[str, Any]:
    """What became of it: `outcome`, and of a picture what it is."""
    try:
        drawn = redraw(file)
    except TooManyPixels:
        return {"outcome": "too_many_pixels", "most": MAX_PIXELS}
    except TooManyFrames:
        return {"outcome": "too_many_frames", "most": MAX_FRAMES}
    except MemoryError:
        return {"outcome": "too_much_memory"}
    if drawn is None:
        return {"outcome": "no_picture"}
    try:
        return _handed_over(drawn, content_fd, preview_fd)
    except OSError as error:
        return {"outcome": "no_room" if error.errno in NO_ROOM else "too_large"}


def _handed_over(drawn: Drawn, content_fd: int, preview_fd: int) -> dict[str, Any]:
    _write(drawn.content, content_fd)
    if drawn.preview is not None:
        _write(drawn.preview, preview_fd)
    return {
        "outcome": "drawn",
        "content_type": drawn.content_type,
        "extension": drawn.extension,
        "width": drawn.width,
        "height": drawn.height,
        "has_preview": drawn.preview is not None,
    }


def _write(content: IO[bytes], descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
