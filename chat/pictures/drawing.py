"""A picture redrawn, pixel by pixel: upright, in sRGB, without metadata.

Run in a process of its own (drawing_process), for it unfolds what strangers have packed. What
a file is, its content decides. Knows neither Django nor the chat.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import IO, Any, Final

from PIL import Image, ImageCms, ImageOps

# A file of a few kilobytes may unfold to gigabytes. 40 megapixels are more than most cameras make,
# and 160 MB while they are worked on; an animation's frames are counted together.
MAX_PIXELS: Final = 40_000_000
MAX_FRAMES: Final = 1_000
PREVIEW_SIDE: Final = 640

_READ: Final = ("PNG", "JPEG", "WEBP", "GIF")
# A GIF that does not move becomes a PNG; a camera's file of several pictures (MPO), its first.
_WRITTEN_AS: Final = {"JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WEBP", "PNG": "PNG", "GIF": "PNG"}
_EXTENSIONS: Final = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    # Quick rather than as small as can be: somebody waits for it.
    "JPEG": {"quality": 88, "optimize": True},
    "PNG": {"compress_level": 2},
    "WEBP": {"quality": 88, "method": 1},
}
_NO_METADATA: Final[dict[str, Any]] = {"exif": b"", "xmp": b"", "icc_profile": b""}

# What Pillow raises for a file that is broken in one way or another.
_BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, TypeError),
    *(AttributeError, RuntimeError, struct.error, zlib.error),
)
# A frame of a GIF may make the whole picture larger while it is read: Pillow looks at that itself.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
_BOMBS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)
warnings.simplefilter("error", Image.DecompressionBombWarning)


class TooManyPixels(Exception):
    """Raised for a picture that would unfold to more than MAX_PIXELS over all its frames."""


class TooManyFrames(Exception):
    """Raised for an animation of more than MAX_FRAMES."""


@dataclass(frozen=True, slots=True)
class Drawn:
    content: io.BytesIO
    content_type: str
    # With its dot.
    extension: str
    width: int
    height: int
    # A smaller, unmoving one; None where the picture itself is small and unmoving.
    preview: io.BytesIO | None


def redraw(file: IO[bytes]) -> Drawn | None:
    """None: it is no whole picture. Raises TooManyPixels, TooManyFrames; MemoryError, too."""
    try:
        with Image.open(file, formats=_READ) as image:
            _check_claims(image)
            return _redraw(image)
    except _BOMBS:
        raise TooManyPixels from None
    except _BROKEN:
        return None


def _check_claims(image: Image.Image) -> None:
    """Before anything is unfolded: a file that says it is too much is believed.

    A GIF does not say: to count its frames is to go through them.
    """
    frames = getattr(image, "n_frames", 1) if image.format in {"PNG", "WEBP"} else 1
    _check_frames(frames)
    _check_pixels(image.width * image.height * frames)


def _redraw(image: Image.Image) -> Drawn:
    durations = _durations(image) if image.format != "MPO" else []
    if len(durations) > 1:
        return _animation(image, durations)
    still = _upright(image)
    format_name = _WRITTEN_AS[image.format or "PNG"]
    is_small = max(still.size) <= PREVIEW_SIDE
    return Drawn(
        content=_written(still, format_name),
        content_type=Image.MIME[format_name],
        extension=_EXTENSIONS[format_name],
        width=still.width,
        height=still.height,
        preview=None if is_small else _preview(still),
    )


def _animation(image: Image.Image, durations: list[float]) -> Drawn:
    content = io.BytesIO()
    image.seek(0)
    still = _upright(image)
    image.save(
        content,
        format="WEBP",
        save_all=True,
        duration=durations,
        loop=0,
        quality=80,
        method=0,
        background=(0, 0, 0, 0),
        **_NO_METADATA,
    )
    content.seek(0)
    return Drawn(
        content=content,
        content_type=Image.MIME["WEBP"],
        extension=_EXTENSIONS["WEBP"],
        width=image.width,
        height=image.height,
        preview=_preview(still),
    )


def _durations(image: Image.Image) -> list[float]:
    """How long each frame stays, in ms. Counts as it goes: a file may claim any number."""
    durations: list[float] = []
    while True:
        try:
            image.seek(len(durations))
        except EOFError:
            return durations
        image.load()
        durations.append(float(image.info.get("duration") or 0))
        _check_frames(len(durations))
        _check_pixels(image.width * image.height * len(durations))


def _check_pixels(count: int) -> None:
    if count > MAX_PIXELS:
        raise TooManyPixels


def _check_frames(count: int) -> None:
    if count > MAX_FRAMES:
        raise TooManyFrames


def _upright(image: Image.Image) -> Image.Image:
    """A copy: turned as the camera was held, its colours sRGB, and nothing told beside them."""
    image.load()
    still = _in_srgb(ImageOps.exif_transpose(image))
    transparency = still.info.get("transparency")
    still.info = {} if transparency is None else {"transparency": transparency}
    return still


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA", "CMYK"}:
        return image
    mode = "RGB" if image.mode == "CMYK" else image.mode
    try:
        converted = ImageCms.profileToProfile(
            image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile that nobody can read: the colours are shown as most viewers would.
        return image
    return converted or image


def _preview(still: Image.Image) -> io.BytesIO:
    small = _with_plain_colours(still)
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return _written(small, "WEBP", quality=75)


def _with_plain_colours(image: Image.Image) -> Image.Image:
    """Another image, whose colours can be mixed: neither of a palette nor of 16 bits."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _written(image: Image.Image, format_name: str, **options: Any) -> io.BytesIO:
    if format_name == "JPEG" and image.mode not in {"RGB", "L"}:
        image = image.convert("RGB")
    content = io.BytesIO()
    image.save(content, format=format_name, **{**_OPTIONS[format_name], **_NO_METADATA, **options})
    content.seek(0)
    return content
