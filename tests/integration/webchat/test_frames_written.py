"""What a real server writes straight to a socket arrives whole and in order, however it is read."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import pytest

from tests.support.crowd import make_rooms
from tests.support.raw_http import Raw
from tests.support.raw_sockets import CLOSE, PONG, TEXT, ask, open_socket, ping, read_frames
from tests.support.servers import Server, start_server

pytestmark = pytest.mark.embedded

# Of 400 KB each: together more than the kernel keeps for a socket (some 6 MB), and less than what
# makes one too slow (16 MB).
PAGES = 30
WORDS = "я" * 4000
PING = b"\x89\x84" + bytes(4) + b"mark"


@pytest.fixture(scope="module")
def server(tmp_path_factory, new_sqlite_url) -> Iterator[Server]:
    database = new_sqlite_url(tmp_path_factory.mktemp("frames"))
    with start_server(
        database,
        LIMIT_FRAMES_PER_SECOND=0,
        LIMIT_PAGES_PER_MINUTE=0,
        LIMIT_MESSAGES_PER_MINUTE=0,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def room(server) -> list[dict[str, Any]]:
    """Two people, and a page full of long messages."""
    ((*members,),) = make_rooms(server.database_url, rooms=1, size=2, url=server.ws_url)
    with open_socket(server, members[0]) as peer:
        for number in range(50):
            peer.send(say(members[0], number, WORDS))
        until(peer, "said 49")
    return members


def say(member: dict[str, Any], number: int, content: str) -> bytes:
    return ask(
        "message.send",
        f"said {number}",
        chat_id=member["chat"],
        client_message_id=f"00000000-0000-4000-8000-{number:012}",
        content=content,
    )


def until(peer: Raw, request_id: str) -> None:
    while f'"request_id":"{request_id}"'.encode() not in peer.received:
        assert peer.read()


def lines_of(payload: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in payload.decode().split("\n")]


def ask_for_pages(peer: Raw, member: dict[str, Any]) -> None:
    """And reads none of them."""
    for number in range(PAGES):
        peer.send(ask("chat.history", f"page {number}", chat_id=member["chat"], before_seq=10**9))


class TestSlowReader:
    def test_gets_all_of_it_whole_and_in_order(self, server, room):
        with open_socket(server, room[1], buffer=65536) as peer:
            ask_for_pages(peer, room[1])
            peer.send(PING)
            peer.send(ping("last"))
            told, pongs = [], []
            for opcode, payload in read_frames(peer):
                if opcode == PONG:
                    pongs.append(payload)
                    continue
                replies = [line for line in lines_of(payload) if line["type"] == "reply"]
                told += [line["request_id"] for line in replies]
                assert all(len(line["messages"]) == 50 for line in replies if "messages" in line)
                if len(told) == PAGES + 1 and pongs:
                    break
        pages = [request_id for request_id in told if request_id != "last"]
        assert pages == [f"page {number}" for number in range(PAGES)]
        assert pongs == [b"mark"]

    def test_that_says_goodbye_gets_what_was_written_and_a_close(self, server, room):
        with open_socket(server, room[1], buffer=65536) as peer:
            ask_for_pages(peer, room[1])
            frames = read_frames(peer)
            while b'"page 0"' not in next(frames)[1]:
                pass
            peer.send(b"\x88\x82" + bytes(4) + struct.pack("!H", 1000))
            opcodes = [opcode for opcode, _payload in takewhile(is_no_close, frames)]
        assert set(opcodes) <= {TEXT}

    def test_that_is_gone_in_the_middle_leaves_the_others_alone(self, server, room):
        with open_socket(server, room[0]) as other:
            with open_socket(server, room[1], buffer=65536) as peer:
                ask_for_pages(peer, room[1])
                # A reset instead of a goodbye.
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            other.send(say(room[0], 1000, "still here"))
            until(other, "said 1000")


class TestFrames:
    @pytest.mark.parametrize("size", [1, 60, 120, 126, 4000])
    def test_of_any_size_reach_everyone_in_the_room(self, server, room, size):
        with open_socket(server, room[0]) as peer, open_socket(server, room[1]) as other:
            peer.send(say(room[0], 2000 + size, "я" * size))
            for each in (peer, other):
                assert any(
                    line["message"]["content"] == "я" * size
                    for _opcode, payload in read_frames(each)
                    for line in lines_of(payload)
                    if line["type"] == "message.created"
                )


def is_no_close(frame: tuple[int, bytes]) -> bool:
    return frame[0] != CLOSE
