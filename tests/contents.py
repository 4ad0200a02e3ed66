"""Pictures, sounds and videos that are drawn here, for tests of what reads them."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from endcap.errors import ConfigError
from endcap.stages import Encoder
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import ITEMS

RATE = 16_000


def goods(rows: Sequence[Mapping[str, Any]]) -> Catalogue:
    """A catalogue of these items, with all columns; `attributes` are written as JSON."""
    told = [{"item_id": f"i{n}", **row} for n, row in enumerate(rows)]
    for row in told:
        if isinstance(row.get("attributes"), dict):
            row["attributes"] = json.dumps(row["attributes"], ensure_ascii=False)
    return Catalogue(pa.Table.from_pylist(told, ITEMS), pa.table({}))


def fitting(cls: type[Encoder[Any]], **settings: Any) -> Any:
    """Its settings; the test is skipped where what it needs is not installed."""
    own = {name: one for name, one in settings.items() if name in cls.settings_type.model_fields}
    made = cls.settings_type.model_validate(own)
    try:
        cls.check(made, "encoders.it")
    except ConfigError as error:
        pytest.skip(str(error))
    return made


def nearest(vectors: NDArray[Any]) -> list[int]:
    """For each row the other one that is nearest by the cosine."""
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    return [int(row) for row in likeness.argmax(axis=1)]


def drawing(kind: str, seed: int = 0, size: tuple[int, int] = (200, 160)) -> Any:
    """An "apple" or a "car", a bit different for each seed; a picture of Pillow's."""
    image, draw = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageDraw")
    rng = np.random.default_rng(seed)
    dx, dy, grow = rng.integers(-12, 13), rng.integers(-8, 9), rng.uniform(0.85, 1.1)
    page = image.new("RGB", size, (255, 255, int(rng.integers(225, 256))))
    pen = draw.Draw(page)

    def box(x0: float, y0: float, x1: float, y1: float) -> list[float]:
        (mx, my) = size[0] / 2 + dx, size[1] / 2 + dy
        return [mx + grow * x0, my + grow * y0, mx + grow * x1, my + grow * y1]

    if kind == "apple":
        pen.ellipse(box(-45, -40, 45, 50), fill=(200 - int(rng.integers(0, 30)), 25, 30))
        pen.line(box(0, -40, 8, -62), fill=(90, 60, 20), width=6)
        pen.ellipse(box(6, -64, 36, -48), fill=(60, 140, 40))
    else:
        paint = (40, 80, 150 + int(rng.integers(0, 60)))
        pen.rounded_rectangle(box(-80, -10, 80, 25), 10, fill=paint)
        pen.polygon([*box(-45, -10, -25, -40), *box(25, -40, 50, -10)], fill=paint)
        pen.rectangle(box(-22, -34, 22, -12), fill=(200, 225, 240))
        pen.ellipse(box(-58, 8, -24, 42), fill=(25, 25, 25))
        pen.ellipse(box(24, 8, 58, 42), fill=(25, 25, 25))
    return page


def png(picture: Any, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def tone(kind: str, seed: int = 0, seconds: float = 3.0) -> NDArray[np.float32]:
    """A "bell", a "hum", "rain" or a "siren", a bit different and as loud as the seed says."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = rng.uniform(0.94, 1.06)
    noise = rng.normal(size=len(t))
    if kind == "bell":
        waves = np.sum(
            [np.sin(2 * np.pi * pitch * f * t) / n for n, f in enumerate((1_900, 4_100), 1)], 0
        )
        sound = waves * np.exp(-6 * ((t + rng.uniform()) % 1.0))
    elif kind == "hum":
        parts = [np.sin(2 * np.pi * pitch * 100 * n * t + n * seed) / n for n in range(1, 6)]
        sound = np.sum(parts, 0)
    elif kind == "rain":
        sound = noise * (1 + 0.2 * np.sin(2 * np.pi * pitch * t))
    else:
        sweep = 700 + 250 * np.sin(2 * np.pi * 1.5 * pitch * t + seed)
        sound = np.sin(2 * np.pi * np.cumsum(sweep) / RATE)
    loud = rng.uniform(0.05, 0.8) / np.abs(sound).max()
    return np.asarray(loud * sound + 0.002 * noise, np.float32)


def voiced(pitch: float, formants: Sequence[float], seed: int) -> NDArray[np.float32]:
    """A buzz at a pitch through a throat with these resonances, saying vowels by chance."""
    rng = np.random.default_rng(seed)
    t = np.arange(3 * RATE) / RATE
    drift = pitch * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(1, 3) * t))
    phase = 2 * np.pi * np.cumsum(drift) / RATE
    sound = np.zeros(len(t))
    vowel = np.repeat(rng.uniform(0.85, 1.15, 12), len(t) // 12)
    for n in range(1, 30):
        at = [np.exp(-(((n * pitch - vowel * f) / 120) ** 2)) for f in formants]
        sound += (0.02 + sum(at)) * np.sin(n * phase)
    return np.asarray(0.5 * sound / np.abs(sound).max(), np.float32)


def wav(samples: NDArray[Any], rate: int = RATE) -> bytes:
    """16 bits; [samples] or [samples, channels]."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(samples.shape[1] if samples.ndim > 1 else 1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return out.getvalue()


def film(pictures: Sequence[Any], sound: NDArray[Any] | None = None) -> bytes:
    """An MP4 that shows each picture for half a second."""
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as file:
        shown = file.add_stream("mpeg4", rate=10, width=160, height=128, pix_fmt="yuv420p")
        heard = file.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for picture in pictures:
            frame = av.VideoFrame.from_image(picture.resize((160, 128)))
            for _ in range(5):
                file.mux(shown.encode(frame.reformat()))
        file.mux(shown.encode(None))
        if heard is not None and sound is not None:
            part = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            part.sample_rate = RATE
            file.mux(heard.encode(part))
            file.mux(heard.encode(None))
    return out.getvalue()
