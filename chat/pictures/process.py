"""Starts the process that draws a picture (drawing_process), and ends it when it is over time.

A process for each picture: Pillow cannot be interrupted in a thread, and what a picture made one
hold is given back with its end.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from chat.errors import BadRequestError, ChatError, TooLargeError, TooManyError, UnavailableError

logger = logging.getLogger(__name__)

# The largest stills that 10 MB hold took 5 s of a slow processor; starting takes 0.1 s.
CPU_SECONDS: Final = 6
# By the clock, beside other work; a stopped server must be gone within 15 s.
MAX_SECONDS: Final = 12.0
# 40 megapixels, turned and brought to sRGB, took 700 MB at most.
MEMORY_BYTES: Final = 1024 * 1024 * 1024
# Of what is written: ten times an upload, packed less tightly, is no picture that anybody took.
FILE_BYTES: Final = 100_000_000
COME_BACK_SECONDS: Final = 10.0

_PROGRAM: Final = ("-m", "chat.pictures.drawing_process")
_ROOT: Final = Path(__file__).resolve().parents[2]

Told = dict[str, Any]


class Drawings:
    """The processes that draw just now."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False

    def run(self, given: IO[bytes], content: IO[bytes], preview: IO[bytes]) -> Told:
        """What drawing_process tells; files of the disk, of which it writes the last two.

        Raises ChatError for what was ended before it could tell."""
        with _start(given, content, preview) as process:
            self._running.add(process)
            try:
                return self._told_by(process)
            finally:
                process.kill()
                self._running.discard(process)

    def close(self) -> None:
        """The server is stopping: what runs ends now."""
        self._is_closed = True
        for process in list(self._running):
            process.kill()

    def _told_by(self, process: subprocess.Popen[bytes]) -> Told:
        if self._is_closed:
            raise UnavailableError
        try:
            told, complaint = process.communicate(timeout=MAX_SECONDS)
        except subprocess.TimeoutExpired:
            # It got too little of a busy processor: later it may get more.
            raise TooManyError(retry_after=COME_BACK_SECONDS) from None
        if process.returncode:
            raise _failure(process.returncode, complaint)
        answer: Told = json.loads(told)
        return answer


def _start(given: IO[bytes], content: IO[bytes], preview: IO[bytes]) -> subprocess.Popen[bytes]:
    descriptors = (content.fileno(), preview.fileno())
    numbers = (CPU_SECONDS, MEMORY_BYTES, FILE_BYTES, *descriptors)
    return subprocess.Popen(
        [sys.executable, *_PROGRAM, *map(str, numbers)],
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=descriptors,
        cwd=_ROOT,
        env=settings.PYTHON_ENVIRONMENT,
        # Ctrl+C is for the server, which ends it.
        start_new_session=True,
    )


def _failure(code: int, complaint: bytes) -> ChatError:
    if code == -signal.SIGXCPU:
        return TooLargeError.to_draw()
    if code == -signal.SIGKILL:  # the server is stopping, or the machine has no memory left
        return UnavailableError(retry_after=COME_BACK_SECONDS)
    # Its last line names the exception; what follows the colon may be the file's own.
    last = complaint.strip().rpartition(b"\n")[2].partition(b":")[0].decode(errors="replace")
    logger.error("a picture could not be drawn", extra={"code": code, "error": last[:100]})
    detail = _("This picture cannot be read. Send it in another format, or in a ZIP archive.")
    return BadRequestError(detail)
