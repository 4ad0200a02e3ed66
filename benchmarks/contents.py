"""Synthetic titles, pictures, sounds and videos: for figures of speed, never of accuracy."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endcap.content.weights import needed
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import ITEMS

ENGLISH = (
    "red blue green woollen cotton leather small large light warm kids women men sport classic "
    "scarf lamp shoes shirt jacket bag mug table chair phone case watch bottle brush towel"
)

CHINESE = (
    "红色 蓝色 羊毛 纯棉 真皮 大号 小号 儿童 女士 男士 运动 经典 围巾 台灯 鞋 衬衫 外套 背包 水杯"
)

WORDS = f"{ENGLISH} {CHINESE}".split(" ")

RATE = 16_000


def content(kind: str, count: int, folder: Path) -> Catalogue:
    """A catalogue of so many items; the files of images, sounds or videos are in the folder."""
    rng = np.random.default_rng(1)
    rows = [_row(kind, n, folder, rng) for n in range(count)]
    return Catalogue(pa.Table.from_pylist(rows, ITEMS), pa.table({}))


def _row(kind: str, number: int, folder: Path, rng: np.random.Generator) -> dict[str, Any]:
    row: dict[str, Any] = {
        "item_id": str(number),
        "title": " ".join(rng.choice(WORDS, 10)),
        "categories": [f"Department {number % 7} > Shelf {number % 91}"],
        "brand": f"Brand {number % 300}",
        "price": round(float(rng.lognormal(3, 1)), 2),
    }
    attributes: dict[str, Any] = {"colour": str(rng.choice(WORDS[:3])), "grams": number % 1_000}
    if kind == "images":
        row["image_url"] = f"{number}.jpg"
        _picture(rng).save(folder / row["image_url"], quality=85)
    elif kind == "sounds":
        attributes["audio_url"] = f"{number}.wav"
        (folder / f"{number}.wav").write_bytes(_wav(_sound(rng, 5)))
    elif kind == "videos":
        attributes["video_url"] = f"{number}.mp4"
        (folder / f"{number}.mp4").write_bytes(_film(rng))
    return {**row, "attributes": json.dumps(attributes, ensure_ascii=False)}


def _picture(rng: np.random.Generator, size: tuple[int, int] = (800, 600)) -> Any:
    """Some discs on a ground with grain."""
    image, draw = needed("PIL.Image", "image"), needed("PIL.ImageDraw", "image")
    grain = rng.integers(180, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    page = image.fromarray(grain).resize(size)
    pen = draw.Draw(page)
    for _ in range(5):
        x, y, r = rng.integers(0, size[0]), rng.integers(0, size[1]), rng.integers(30, 150)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=tuple(rng.integers(0, 256, 3).tolist()))
    return page


def _sound(rng: np.random.Generator, seconds: int) -> NDArray[np.float64]:
    """A chord that trembles."""
    t = np.arange(seconds * RATE) / RATE
    chord = np.sum([np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 4_000, 3)], axis=0)
    found: NDArray[np.float64] = 0.2 * chord * (1 + 0.5 * np.sin(2 * np.pi * 3 * t))
    return found


def _wav(samples: NDArray[np.float64]) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return out.getvalue()


def _film(rng: np.random.Generator) -> bytes:
    """Four seconds at 25 pictures a second, with sound."""
    av, out = needed("av", "video"), io.BytesIO()
    with av.open(out, "w", format="mp4") as file:
        shown = file.add_stream("mpeg4", rate=25, width=640, height=480, pix_fmt="yuv420p")
        heard = file.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(4):
            frame = av.VideoFrame.from_image(_picture(rng, (640, 480)))
            for _ in range(25):
                file.mux(shown.encode(frame.reformat()))
        file.mux(shown.encode(None))
        samples = _sound(rng, 4).astype(np.float32)
        part = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        part.sample_rate = RATE
        file.mux(heard.encode(part))
        file.mux(heard.encode(None))
    return out.getvalue()
