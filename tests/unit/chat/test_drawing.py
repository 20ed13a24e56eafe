"""Pictures: what is one, what is told with it, and what would unfold too far."""

from __future__ import annotations

import contextlib
import io
import random
import zlib

import pytest
from PIL import Image, ImageCms

from chat.pictures import drawing
from chat.pictures.drawing import PREVIEW_SIDE, Drawn, TooManyFrames, TooManyPixels, redraw

pytestmark = pytest.mark.embedded

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
GPS, ORIENTATION, LEFT_IS_TOP = 0x8825, 0x0112, 6
HTML = b"<html><script>alert(1)</script></html>"


def drawn(size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image.convert(mode)


def written(image: Image.Image, form: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **options)
    file.seek(0)
    return file


def animation(count: int, form: str = "GIF", size: tuple[int, int] = (40, 30)) -> io.BytesIO:
    frames = [Image.new("RGB", size, (place * 50 % 256, 90, 10)) for place in range(count)]
    return written(frames[0], form, save_all=True, append_images=frames[1:], duration=70)


def redrawn(file: io.BytesIO) -> Drawn:
    picture = redraw(file)
    assert picture is not None
    return picture


def colour_at(image: Image.Image, x: int, y: int) -> str:
    red, _, blue = image.convert("RGB").getpixel((x, y))  # type: ignore[misc]
    return "red" if red > 200 and blue < 60 else "blue" if blue > 200 and red < 60 else "other"


class TestPicture:
    @pytest.mark.parametrize("form", FORMATS)
    def test_is_written_anew_and_looks_the_same(self, form):
        picture = redrawn(written(drawn(), form))
        with Image.open(picture.content) as image:
            assert image.size == (picture.width, picture.height) == (40, 30)
            assert Image.MIME[image.format or ""] == picture.content_type
            assert (colour_at(image, 5, 15), colour_at(image, 35, 15)) == ("red", "blue")

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
    def test_may_have_colours_of_any_kind(self, mode):
        big = drawn((900, 30), "L" if mode == "I;16" else mode)
        picture = redrawn(written(big.convert(mode), "PNG"))
        assert picture.preview is not None
        with Image.open(picture.preview) as preview:
            assert preview.size[0] == PREVIEW_SIDE

    def test_in_printers_colours_becomes_one_for_screens(self):
        with Image.open(redrawn(written(drawn(mode="CMYK"), "JPEG")).content) as image:
            assert image.mode == "RGB"

    def test_stays_transparent(self):
        picture = redrawn(written(Image.new("RGBA", (700, 10), (0, 0, 0, 0)), "PNG"))
        assert picture.preview is not None
        for file in (picture.content, picture.preview):
            with Image.open(file) as image:
                assert image.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]

    def test_is_known_by_its_content_alone(self):
        assert redraw(io.BytesIO(HTML)) is None
        assert redraw(io.BytesIO(b"")) is None
        assert redraw(io.BytesIO(b'<svg xmlns="http://www.w3.org/2000/svg"/>')) is None
        assert redraw(written(drawn(), "TIFF")) is None
        assert redraw(written(drawn(), "PDF")) is None
        assert redraw(written(drawn(), "BMP")) is None

    @pytest.mark.parametrize("form", FORMATS)
    def test_that_is_cut_off_is_none(self, form):
        noise = Image.effect_noise((90, 90), 80).convert("RGB")
        whole = written(noise, form).getvalue()
        assert redraw(io.BytesIO(whole[: len(whole) // 2])) is None


class TestPreview:
    def test_is_at_most_640_pixels_wide_or_high(self):
        picture = redrawn(written(drawn((600, 1280)), "JPEG"))
        assert picture.preview is not None
        with Image.open(picture.preview) as preview:
            assert (preview.format, preview.size) == ("WEBP", (300, 640))

    def test_is_spared_where_the_picture_is_small(self):
        assert redrawn(written(drawn((640, 640)), "PNG")).preview is None


class TestAnimation:
    @pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
    def test_goes_on_moving_and_has_an_unmoving_preview(self, form):
        picture = redrawn(animation(5, form))
        assert picture.content_type == "image/webp"
        assert picture.preview is not None
        with Image.open(picture.content) as image, Image.open(picture.preview) as preview:
            assert image.n_frames == 5  # type: ignore[attr-defined]
            assert preview.n_frames == 1  # type: ignore[attr-defined]

    def test_of_too_many_pixels_over_its_frames_is_refused(self, monkeypatch):
        monkeypatch.setattr(drawing, "MAX_PIXELS", 40 * 30 * 4)
        assert redraw(animation(4)) is not None
        with pytest.raises(TooManyPixels):
            redraw(animation(5))

    def test_of_too_many_frames_is_refused(self, monkeypatch):
        monkeypatch.setattr(drawing, "MAX_FRAMES", 4)
        for form in ("GIF", "WEBP", "PNG"):
            with pytest.raises(TooManyFrames):
                redraw(animation(5, form))


class TestMetadata:
    def camera_file(self, form: str) -> io.BytesIO:
        exif = Image.Exif()
        exif[0x010F] = "A camera"
        exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        return written(drawn(), form, exif=exif, icc_profile=profile, xmp=b"<x>Nevsky 1</x>")

    @pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
    def test_is_gone(self, form):
        given = self.camera_file(form)
        assert b"A camera" in given.getvalue()
        content = redrawn(given).content.read()
        for told in (b"A camera", b"Exif", b"Nevsky", b"ICC", b"iCCP"):
            assert told not in content
        with Image.open(io.BytesIO(content)) as image:
            assert not image.getexif()
            assert not set(image.info) & {"exif", "xmp", "icc_profile", "comment"}

    def test_comments_are_gone(self):
        for form in ("JPEG", "GIF"):
            assert (
                b"my address"
                not in redrawn(written(drawn(), form, comment=b"my address")).content.read()
            )

    def test_turns_the_picture_before_it_goes(self):
        exif = Image.Exif()
        exif[ORIENTATION] = LEFT_IS_TOP
        picture = redrawn(written(drawn((40, 30)), "JPEG", exif=exif))
        assert (picture.width, picture.height) == (30, 40)
        with Image.open(picture.content) as image:
            assert (colour_at(image, 15, 5), colour_at(image, 15, 35)) == ("red", "blue")

    def test_that_is_a_profile_nobody_can_read_harms_nothing(self):
        file = written(drawn(), "PNG", icc_profile=b"no profile" * 50)
        assert redrawn(file).content_type == "image/png"


class TestPolyglot:
    @pytest.mark.parametrize("form", FORMATS)
    def test_keeps_nothing_that_stood_behind_the_picture(self, form):
        file = io.BytesIO(written(drawn(), form).getvalue() + HTML)
        assert b"script" not in redrawn(file).content.read()

    def test_keeps_nothing_that_stood_in_its_chunks(self):
        plain = written(drawn(), "PNG").getvalue()
        text = b"tEXtComment\0" + HTML
        chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
        picture = redrawn(io.BytesIO(plain[:33] + chunk + plain[33:]))
        assert b"script" not in picture.content.read()


class TestBomb:
    def png_claiming(self, width: int, height: int) -> io.BytesIO:
        """A few bytes that say they are as large as that."""
        plain = bytearray(written(Image.new("L", (1, 1)), "PNG").getvalue())
        plain[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        plain[29:33] = zlib.crc32(bytes(plain[12:29])).to_bytes(4, "big")
        return io.BytesIO(bytes(plain))

    @pytest.mark.parametrize("side", [6_400, 20_000, 60_000])
    def test_is_refused_before_it_unfolds(self, side):
        with pytest.raises(TooManyPixels):
            redraw(self.png_claiming(side, side))

    def test_in_a_later_frame_is_refused(self):
        file = bytearray(animation(2).getvalue())
        second = file.rindex(b"\x2c\0\0\0\0")
        file[second + 5 : second + 9] = b"\xff\xff\xff\xff"
        with pytest.raises(TooManyPixels):
            redraw(io.BytesIO(bytes(file)))


class TestBrokenFiles:
    def test_end_as_no_picture_whatever_is_broken(self):
        chance = random.Random(7)
        whole = [written(drawn(), form).getvalue() for form in FORMATS]
        whole += [animation(3, form).getvalue() for form in ("GIF", "WEBP", "PNG")]
        for _ in range(300):
            broken = bytearray(chance.choice(whole))
            for _ in range(chance.randint(1, 20)):
                broken[chance.randrange(min(len(broken), 300))] = chance.randrange(256)
            with contextlib.suppress(TooManyPixels, TooManyFrames):
                redraw(io.BytesIO(bytes(broken[: chance.randint(1, len(broken))])))
