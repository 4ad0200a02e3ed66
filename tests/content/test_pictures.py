"""Pictures of all kinds become one size; bombs and broken ones are told."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest

from endcap.content.pictures import picture
from endcap.content.pieces import Unreadable
from tests.contents import drawing, png

Image = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_all_kinds_and_colours(kind: str, mode: str) -> None:
    image = drawing("apple").convert(mode)
    seen = picture(
        png(image.convert("RGB") if kind in ("JPEG", "WEBP") and mode in "P1" else image, kind)
    )
    assert seen.shape == (3, 224, 224)
    assert seen.dtype == np.uint8
    assert seen[:, 112, 112].mean() < 200 < seen[:, 60, 20].mean()


@pytest.mark.parametrize(("mode", "clear"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_what_can_be_seen_through_is_white(mode: str, clear: tuple[int, ...]) -> None:
    assert picture(png(Image.new(mode, (50, 50), clear))).min() == 255


def test_a_camera_held_upright() -> None:
    """The left side of the file is its top."""
    image = Image.new("RGB", (100, 50), "red")
    image.paste("blue", (0, 0, 50, 50))
    exif = image.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    seen = picture(out.getvalue())
    assert seen[2, 20, 112] > 200 > 100 > seen[0, 20, 112]


def test_a_picture_is_not_stretched() -> None:
    seen = picture(png(Image.new("RGB", (400, 100), "black")))
    assert seen[:, 112, :].max() < 10
    assert seen[:, :80, :].min() > 245


@pytest.mark.parametrize(
    ("kind", "depth", "white"),
    [("PNG", "u2", 65_535), ("TIFF", "u2", 4_095), ("TIFF", "i4", 65_535), ("TIFF", "f4", 1.0)],
)
def test_grey_of_more_than_eight_bits(kind: str, depth: str, white: float) -> None:
    rising = np.tile(np.linspace(0, white, 224), (224, 1)).astype(depth)
    grey = picture(png(Image.fromarray(rising), kind))[0, 112]
    np.testing.assert_allclose(grey, np.linspace(0, 255, 224), atol=4)


def test_what_a_camera_says_of_itself_may_be_broken() -> None:
    out = io.BytesIO()
    drawing("apple").save(out, "PNG", exif=b"no such thing")
    assert (picture(out.getvalue()) == picture(png(drawing("apple")))).all()


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that says it is that large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8_000, 8_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_not_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(Unreadable, match="picture has more than 50,000,000 pixels"):
        picture(bomb(*size))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture"),
        (b"\x89PNG\r\n\x1a\n", "picture is damaged|is no picture"),
        (png(drawing("car"))[:300], "picture is damaged"),
        (png(drawing("car"), "JPEG")[:900], "picture is damaged"),
    ],
)
def test_what_is_broken_is_told(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        picture(content)


def test_damage_anywhere_is_a_picture_or_told() -> None:
    rng = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        whole = png(drawing("car", size=(64, 64)), kind)
        for _ in range(40):
            broken = bytearray(whole)
            for place in rng.integers(0, len(whole), 6):
                broken[place] = rng.integers(0, 256)
            try:
                assert picture(bytes(broken)).shape == (3, 224, 224)
            except Unreadable:
                continue
