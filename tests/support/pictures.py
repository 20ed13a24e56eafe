"""Picture files for tests: plain ones, and such as were made to take too much."""

from __future__ import annotations

import io
import zlib

from PIL import Image

HTML = b"<html><script>alert(1)</script></html>"


def written(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def plain(form: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    return written(Image.new("RGB", size, "teal"), form)


def animation(count: int, form: str = "GIF", size: tuple[int, int] = (40, 30)) -> bytes:
    frames = [Image.new("RGB", size, (place * 50 % 256, place % 251, 10)) for place in range(count)]
    return written(frames[0], form, save_all=True, append_images=frames[1:], duration=70)


# A program in the place of drawing_process, which takes its time however fast the machine is.
DRAWS_FOR_EVER = """
import sys
from chat.pictures import drawing_process
def redraw(file):
    while True:
        pass
drawing_process.redraw = redraw
drawing_process.main(*map(int, sys.argv[1:]))
"""


def slow_animation(frames: int = 100, side: int = 600) -> bytes:
    """A GIF of noise, quickly made: the same frame again and again, each to be redrawn."""
    noise = [Image.effect_noise((side, side), 90).convert("P") for _ in range(2)]
    whole = written(noise[0], "GIF", save_all=True, append_images=noise[1:], duration=70)
    second = whole.rindex(b"\x21\xf9\x04")
    return whole[:second] + whole[second:-1] * frames + b";"


def growing_gif() -> bytes:
    """Its second frame says that it is larger than the picture."""
    file = bytearray(animation(2))
    second = file.rindex(b"\x2c\0\0\0\0")
    file[second + 5 : second + 9] = b"\xff\xff\xff\xff"
    return bytes(file)


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """With these chunks behind its header."""
    whole = plain("PNG")
    return whole[:33] + b"".join(_chunk(*chunk) for chunk in chunks) + whole[33:]


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes that say they are as large as that."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    whole = written(Image.new("L", (1, 1)), "PNG")
    return whole[:8] + _chunk(b"IHDR", head) + whole[33:]


def png_claiming_frames(count: int) -> bytes:
    return png_with((b"acTL", count.to_bytes(4, "big") + bytes(4)))


def jpeg_claiming(width: int, height: int) -> bytes:
    whole = bytearray(plain("JPEG"))
    head = whole.index(b"\xff\xc0")
    whole[head + 5 : head + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(whole)


def packed_zeros(megabytes: int) -> bytes:
    return zlib.compress(bytes(megabytes * 1_000_000), 9)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + name + content + checksum
