"""Bytes of a picture → an array, whatever the bytes are."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.content.pieces import Unreadable
from endcap.content.weights import needed

PIXELS = 50_000_000
"""A picture may have before it is unpacked: 200 MB, as large as cameras make them."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")

SIZE = 224

Picture = NDArray[np.uint8]


def picture(content: bytes) -> Picture:
    """[3, 224, 224] the whole picture on white, upright. Raises Unreadable."""
    image = needed("PIL.Image", "image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of bombs, which are told below
            with image.open(io.BytesIO(content), formats=FORMATS) as opened:
                _bounded(opened.size)
                opened.draft("RGB", (SIZE, SIZE))
                return fitted(_on_white(opened))
    except (image.DecompressionBombError, MemoryError) as error:
        raise Unreadable(_too_large()) from error
    except image.UnidentifiedImageError as error:
        raise Unreadable("is no picture") from error
    except Unreadable:
        raise
    except Exception as error:  # what decoders of broken bytes raise, nobody has listed
        raise Unreadable("picture is damaged") from error


def fitted(opened: Any) -> Picture:
    """A picture of Pillow's as [3, 224, 224], in the middle of white where it is not square."""
    image, operations = needed("PIL.Image", "image"), needed("PIL.ImageOps", "image")
    square = operations.pad(opened, (SIZE, SIZE), image.Resampling.BICUBIC, color="white")
    return np.ascontiguousarray(np.asarray(square, np.uint8).transpose(2, 0, 1))


def _on_white(opened: Any) -> Any:
    """RGB, turned as the camera was; what can be seen through is white."""
    image, upright = needed("PIL.Image", "image"), _upright(opened)
    upright.thumbnail((4 * SIZE, 4 * SIZE))
    if upright.mode[0] in "IF":
        upright = image.fromarray(_eight_bits(np.asarray(upright, np.float64)))
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    seen = upright.convert("RGBA")
    return image.alpha_composite(image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _upright(opened: Any) -> Any:
    """As it is where what the camera says of itself is broken."""
    try:
        return needed("PIL.ImageOps", "image").exif_transpose(opened)
    except Exception:  # damage of the picture itself is met again when it is read
        return opened


def _eight_bits(grey: NDArray[np.float64]) -> Picture:
    """Grey of 16 or 32 bits, of which Pillow would cut off all above 255: from the darkest to the
    brightest."""
    clean = np.nan_to_num(grey, posinf=0.0, neginf=0.0)
    above = clean - clean.min()
    return np.asarray(above * (255 / max(float(above.max()), 1e-300)), np.uint8)


def _bounded(size: tuple[int, int]) -> None:
    if size[0] * size[1] > PIXELS:
        raise Unreadable(_too_large())


def _too_large() -> str:
    return f"picture has more than {PIXELS:,} pixels"
