"""A socket joins what waits into one frame, and knows when its browser reads nothing."""

from __future__ import annotations

import asyncio

import pytest

from chat.live.hub import sockets
from chat.live.hub.sockets import Socket
from chat.wire.protocol import CloseCode


class Browser:
    """Takes what a server would write."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.codes: list[int] = []
        self.is_gone = False
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, message: dict) -> None:
        await self.reads.wait()
        if self.is_gone:
            raise ConnectionResetError
        assert message["type"] == "websocket.send"
        self.frames.append(message["text"])

    async def close(self, code: int) -> None:
        self.codes.append(code)

    def socket(self, *, is_welcome: bool = True) -> Socket:
        socket = Socket(
            user_id=1, user_name="Ann", session_key="k", send=self.send, close=self.close
        )
        socket.is_welcome = is_welcome
        return socket


@pytest.fixture
async def browser():
    return Browser()


class TestFlush:
    async def test_joins_what_waits_into_one_frame(self, browser):
        socket = browser.socket()
        for line in ("one", "two\nthree", "four"):
            socket.put(line)
        await socket.flush()
        assert browser.frames == ["one\ntwo\nthree\nfour"]

    async def test_writes_nothing_when_nothing_waits(self, browser):
        socket = browser.socket()
        socket.put("one")
        await socket.flush()
        await socket.flush()
        assert browser.frames == ["one"]

    async def test_waits_for_the_welcome_which_comes_first(self, browser):
        socket = browser.socket(is_welcome=False)
        socket.put("early")
        await socket.flush()
        assert browser.frames == []
        socket.welcome("welcome")
        await socket.flush()
        assert browser.frames == ["welcome\nearly"]


class TestClose:
    async def test_writes_what_waits_first(self, browser):
        socket = browser.socket()
        socket.put("goodbye")
        await socket.close(CloseCode.RESTARTING)
        assert (browser.frames, browser.codes) == (["goodbye"], [1012])

    async def test_is_done_once(self, browser):
        socket = browser.socket()
        await socket.close(CloseCode.SIGNED_OUT)
        await socket.close(CloseCode.TOO_SLOW)
        assert browser.codes == [4401]

    async def test_is_done_once_though_two_ask_at_the_same_time(self, browser):
        socket = browser.socket()
        socket.put("line")
        browser.reads.clear()
        closing = asyncio.gather(
            socket.close(CloseCode.SIGNED_OUT), socket.close(CloseCode.TOO_SLOW)
        )
        await asyncio.sleep(0)
        browser.reads.set()
        await closing
        assert browser.codes == [4401]

    async def test_is_done_though_nothing_can_be_written(self, browser):
        socket = browser.socket()
        socket.put("line")
        browser.is_gone = True
        await socket.close(CloseCode.SIGNED_OUT)
        assert browser.codes == [4401]
        assert socket.is_closed

    async def test_ends_all_writing(self, browser):
        socket = browser.socket()
        await socket.close(CloseCode.SIGNED_OUT)
        socket.put("secret")
        await socket.flush()
        assert browser.frames == []


class TestSilence:
    @pytest.fixture(autouse=True)
    def small_figures(self, monkeypatch):
        monkeypatch.setattr(sockets, "ASK_AFTER_BYTES", 10)
        monkeypatch.setattr(sockets, "MAX_UNHEARD_BYTES", 30)

    async def test_after_much_writing_is_asked_about_once(self, browser):
        socket = browser.socket()
        socket.put("x" * 9)
        await socket.flush()
        assert not socket.should_be_asked()
        socket.put("x")
        await socket.flush()
        assert socket.should_be_asked()
        assert not socket.should_be_asked()
        socket.heard()
        assert not socket.should_be_asked()

    async def test_after_too_much_writing_is_too_slow(self, browser):
        socket = browser.socket()
        socket.put("x" * 31)
        assert not socket.is_too_slow(socket.heard_at)
        await socket.flush()
        assert socket.is_too_slow(socket.heard_at)
        socket.heard()
        assert not socket.is_too_slow(socket.heard_at)

    async def test_for_too_long_is_too_slow(self, browser):
        socket = browser.socket()
        socket.heard_at = 100.0  # the sums below are exact
        assert not socket.is_too_slow(100.0 + sockets.MAX_SILENT_SECONDS)
        assert socket.is_too_slow(101.0 + sockets.MAX_SILENT_SECONDS)
