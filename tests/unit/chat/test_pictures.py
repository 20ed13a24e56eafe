"""A picture is drawn in a process of its own, which is ended when it takes too much."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, Any

import pytest
from PIL import Image

from chat.errors import BadRequestError, ChatError, TooLargeError, TooManyError, UnavailableError
from chat.pictures import checking as pictures
from chat.pictures import process as picture_process
from chat.pictures.checking import Picture, may_be_picture, redraw
from chat.pictures.process import Drawings
from chat.pictures.seats import MAX_AT_ONCE, MAX_WAITING_EACH, Seats
from tests.support import services
from tests.support.pictures import (
    DRAWS_FOR_EVER,
    HTML,
    animation,
    growing_gif,
    jpeg_claiming,
    packed_zeros,
    plain,
    png_claiming,
    png_claiming_frames,
    png_with,
    slow_animation,
)

pytestmark = pytest.mark.embedded

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
ANN, BOB, EVE, DAN = 1, 2, 3, 4

Popen = subprocess.Popen[bytes]
until = partial(services.wait_until, seconds=10, every=0.01)


@pytest.fixture
def started(monkeypatch) -> list[Popen]:
    """Every process that was started for a picture."""
    processes: list[Popen] = []
    start = picture_process._start

    def noted(*files: IO[bytes]) -> Popen:
        processes.append(start(*files))
        return processes[-1]

    monkeypatch.setattr(picture_process, "_start", noted)
    return processes


def drawn(content: bytes, person_id: int = ANN) -> Picture | None:
    return redraw(io.BytesIO(content), person_id=person_id)


class TestPicture:
    @pytest.mark.parametrize("form", FORMATS)
    def test_comes_back_drawn_with_its_preview(self, form, started):
        picture = drawn(plain(form, (900, 450)))
        assert picture is not None
        assert picture.preview is not None
        with picture, Image.open(picture.content) as image, Image.open(picture.preview) as small:
            assert image.size == (picture.width, picture.height) == (900, 450)
            assert Image.MIME[image.format or ""] == picture.content_type
            assert (small.format, small.size) == ("WEBP", (640, 320))
        assert [process.returncode for process in started] == [0]

    def test_that_is_small_has_no_preview(self):
        picture = drawn(plain())
        assert picture is not None
        with picture:
            assert picture.preview is None

    @pytest.mark.parametrize("content", [HTML, b"", b"GIF", b"RIFF....WAVE", b"BM", b"%PDF-1.7"])
    def test_that_is_none_starts_no_process(self, content, started):
        assert drawn(content) is None
        assert started == []

    @pytest.mark.parametrize("form", FORMATS)
    def test_is_known_by_its_first_bytes_wherever_it_was_read_to(self, form):
        file = io.BytesIO(plain(form))
        file.seek(20)
        assert may_be_picture(file)
        assert file.tell() == 0


# What somebody may send to keep a server busy, and what becomes of it: a picture, none (it is then
# a file, which is only ever saved), or a refusal whose sentence has these words.
HOSTILE: dict[str, tuple[Callable[[], bytes], str | bool]] = {
    "a PNG of 400 megapixels": (lambda: png_claiming(20_000, 20_000), "40 megapixels"),
    "a JPEG of 4,000 megapixels": (lambda: jpeg_claiming(65_000, 65_000), "40 megapixels"),
    "a GIF that grows": (growing_gif, "40 megapixels"),
    "a GIF of 10,000 frames of one pixel": (
        lambda: slow_animation(frames=10_000, side=1),
        "1000 frames",
    ),
    "a WebP of 1,001 frames": (lambda: animation(1_001, "WEBP", (1, 1)), "1000 frames"),
    "a PNG that claims a million frames": (lambda: png_claiming_frames(10**6), "1000 frames"),
    "a text of 80 MB in a PNG": (
        lambda: png_with((b"zTXt", b"Comment\0\0" + packed_zeros(80))),
        False,
    ),
    "a profile of 80 MB in a PNG": (
        lambda: png_with((b"iCCP", b"profile\0\0" + packed_zeros(80))),
        False,
    ),
    "a PNG that ends in its middle": (lambda: plain("PNG", (900, 900))[:200], False),
    "a JPEG that ends in its middle": (lambda: plain("JPEG", (900, 900))[:700], False),
    "a page behind a picture": (lambda: plain("GIF") + HTML, True),
    "a page in a picture's text": (lambda: png_with((b"tEXt", b"Comment\0" + HTML)), True),
    "an archive behind a picture": (lambda: plain("JPEG") + b"PK\x03\x04" + HTML, True),
    "only a picture's first bytes": (lambda: b"\x89PNG\r\n\x1a\n" + HTML, False),
}


class TestHostileFile:
    @pytest.mark.parametrize(("make", "outcome"), HOSTILE.values(), ids=HOSTILE.keys())
    def test_is_drawn_or_a_file_or_refused_with_a_sentence(self, make, outcome, started):
        if isinstance(outcome, str):
            with pytest.raises(TooLargeError) as refused:
                drawn(make())
            assert outcome in str(refused.value.detail)
        else:
            picture = drawn(make())
            assert (picture is not None) is outcome
            if picture is not None:
                with picture:
                    assert b"script" not in picture.content.read()
        # Of its own accord: no bound had to end it.
        assert [process.returncode for process in started] == [0]


class TestBounds:
    def test_end_what_takes_too_much_of_the_processor(self, monkeypatch, started):
        monkeypatch.setattr(picture_process, "CPU_SECONDS", 1)
        monkeypatch.setattr(picture_process, "_PROGRAM", ("-c", DRAWS_FOR_EVER))
        with pytest.raises(TooLargeError, match="too complex") as refused:
            drawn(plain())
        assert "ZIP" in str(refused.value.detail)
        assert started[0].returncode is not None

    def test_end_what_takes_too_long_by_the_clock(self, monkeypatch, started):
        monkeypatch.setattr(picture_process, "MAX_SECONDS", 0.05)
        with pytest.raises(TooManyError) as refused:
            drawn(slow_animation())
        assert refused.value.retry_after
        assert started[0].returncode is not None

    def test_end_what_takes_too_much_memory(self, monkeypatch):
        monkeypatch.setattr(picture_process, "MEMORY_BYTES", 80_000_000)
        with pytest.raises(TooLargeError, match="too complex"):
            drawn(plain("PNG", (4_000, 4_000)))

    def test_end_what_would_be_written_too_large(self, monkeypatch):
        monkeypatch.setattr(picture_process, "FILE_BYTES", 1_000)
        with pytest.raises(TooLargeError):
            drawn(slow_animation(frames=1))

    def test_that_a_full_disk_sets_are_told_as_such(self, monkeypatch):
        def full(*files: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("chat.pictures.checking.shutil.copyfileobj", full)
        with pytest.raises(UnavailableError, match="no room"):
            drawn(plain())

    @pytest.mark.parametrize(
        ("program", "error"),
        [
            ("import os; os.abort()", BadRequestError),
            ("raise ValueError('words of the file')", BadRequestError),
            ("import os; os.kill(os.getpid(), 9)", UnavailableError),
        ],
    )
    def test_hold_where_the_process_dies(self, monkeypatch, caplog, program, error):
        def start(*files: object) -> Popen:
            pipe = subprocess.PIPE
            return subprocess.Popen([sys.executable, "-c", program], stdout=pipe, stderr=pipe)

        monkeypatch.setattr(picture_process, "_start", start)
        with pytest.raises(error):
            drawn(plain())
        assert "words of the file" not in caplog.text


class TestProcess:
    def test_is_given_no_secrets(self, monkeypatch):
        given: list[dict[str, str]] = []

        def noted(*arguments: Any, **options: Any) -> Popen:
            given.append(options["env"])
            return Popen(*arguments, **options)

        monkeypatch.setenv("SECRET_KEY", "a secret")
        monkeypatch.setattr(subprocess, "Popen", noted)
        picture = drawn(plain())
        assert picture is not None
        with picture:
            assert {"SECRET_KEY", "DATABASE_URL"}.isdisjoint(given[0])

    def test_ends_when_the_server_stops(self, monkeypatch, started):
        monkeypatch.setattr(pictures, "_drawings", Drawings())
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(drawn, slow_animation())
            until(lambda: bool(pictures._drawings._running))
            pictures._drawings.close()
            with pytest.raises(UnavailableError):
                running.result(timeout=10)
        assert started[0].returncode is not None


class Sitting:
    """People on seats, each in a thread of their own until they are told to stand up."""

    def __init__(self, seats: Seats) -> None:
        self.seats = seats
        self.seated: list[int] = []
        self.refused: list[ChatError] = []
        self._leave = threading.Event()
        self._threads: list[threading.Thread] = []

    def sit(self, person_id: int) -> None:
        thread = threading.Thread(target=self._sit, args=(person_id,))
        self._threads.append(thread)
        thread.start()

    def stand_up(self) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join()

    def _sit(self, person_id: int) -> None:
        try:
            with self.seats.taken_by(person_id):
                self.seated.append(person_id)
                self._leave.wait(20)
        except ChatError as error:
            self.refused.append(error)


class TestSeats:
    @pytest.fixture
    def sitting(self):
        sitting = Sitting(Seats())
        yield sitting
        sitting.stand_up()

    def wait_for_seated(self, sitting: Sitting, count: int) -> None:
        until(lambda: len(sitting.seated) == count)

    def wait_for_queue(self, sitting: Sitting, length: int) -> None:
        until(lambda: len(sitting.seats._queue) == length)

    def test_are_one_for_each_person(self, sitting):
        for place in range(MAX_WAITING_EACH + 1):
            sitting.sit(ANN)
            until(lambda: sitting.seated == [ANN])
            self.wait_for_queue(sitting, place)
        sitting.sit(BOB)
        until(lambda: sitting.seated == [ANN, BOB])

    def test_are_not_queued_for_by_one_person_without_end(self, sitting):
        sitting.sit(ANN)
        until(lambda: sitting.seated == [ANN])
        for place in range(MAX_WAITING_EACH):
            sitting.sit(ANN)
            self.wait_for_queue(sitting, place + 1)
        with pytest.raises(TooManyError) as refused, sitting.seats.taken_by(ANN):
            pass
        assert refused.value.retry_after

    def test_are_given_in_the_order_in_which_people_came(self, sitting):
        for place, person in enumerate((ANN, BOB)):
            sitting.sit(person)
            self.wait_for_seated(sitting, place + 1)
        assert MAX_AT_ONCE == 2
        for place, person in enumerate((EVE, DAN)):
            sitting.sit(person)
            self.wait_for_queue(sitting, place + 1)
        sitting.stand_up()
        assert sitting.seated == [ANN, BOB, EVE, DAN]

    def test_are_not_waited_for_longer_than_a_person_would(self, sitting, monkeypatch):
        for person in (ANN, BOB):
            sitting.sit(person)
        self.wait_for_seated(sitting, 2)
        monkeypatch.setattr("chat.pictures.seats.SEAT_SECONDS", 0.05)
        with pytest.raises(TooManyError), sitting.seats.taken_by(EVE):
            pass
        assert sitting.seats._queue == []

    def test_let_nobody_in_when_the_server_stops(self, sitting):
        for person in (ANN, BOB):
            sitting.sit(person)
        self.wait_for_seated(sitting, 2)
        sitting.sit(EVE)
        self.wait_for_queue(sitting, 1)
        sitting.seats.close()
        until(lambda: [type(error) for error in sitting.refused] == [UnavailableError])

    def test_of_a_failed_picture_are_free_again(self):
        seats = Seats(1)
        for _ in range(2):
            with pytest.raises(ValueError), seats.taken_by(ANN):
                raise ValueError
