"""Photos of like things are near each other; what is wrong with a photo is counted."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from endcap.encoders.image import Image
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from tests.contents import drawing, fitting, goods, nearest, png

KINDS = ["apple", "car"] * 3


def encoded(catalogue: Catalogue, folder: Path, **settings: Any) -> Any:
    model = Image.fit(fitting(Image, folder=str(folder), **settings), catalogue, Run())
    return model.encode(catalogue)


def test_apples_are_near_apples(tmp_path: Path) -> None:
    for n, kind in enumerate(KINDS):
        (tmp_path / f"{n}.png").write_bytes(png(drawing(kind, seed=n)))
    found = encoded(goods([{"image_url": f"{n}.png"} for n in range(6)]), tmp_path)
    assert found.known.all()
    assert [n % 2 for n in nearest(found.vectors)] == [0, 1] * 3


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_photos_in_an_archive(tmp_path: Path, kind: str) -> None:
    content = png(drawing("car"), "JPEG")
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as zipped:
            zipped.writestr("照片/1.jpg", content)
    else:
        with tarfile.open(tmp_path / "photos.tar", "w") as tar:
            entry = tarfile.TarInfo("照片/1.jpg")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    (tmp_path / "1.jpg").write_bytes(content)
    names = [f"photos.{kind}/照片/1.jpg", "1.jpg", "photos.zip/2.jpg"]
    found = encoded(goods([{"image_url": name} for name in names]), tmp_path)
    assert found.known.tolist() == [True, True, False]
    assert (found.vectors[0] == found.vectors[1]).all()


def test_what_is_wrong_is_counted_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(drawing("apple")))
    (tmp_path / "cut.png").write_bytes(png(drawing("apple"))[:500])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "large.png").write_bytes(b"x" * 200_000)
    names = [
        "good.png",
        "cut.png",
        "text.png",
        "text.png",
        "large.png",
        "../x.png",
        "none.png",
        None,
    ]
    catalogue = goods([{"image_url": name} for name in [*names, "https://shop.example/1.png"]])
    found = encoded(catalogue, tmp_path, megabytes=0.1)
    assert found.known.tolist() == [True] + [False] * 8
    assert found.faults == {
        "picture is damaged": 1,
        "is no picture": 2,
        "file is larger than 0.1 MB": 1,
        "path leads out of the folder": 1,
        "no such file": 1,
        "is at a URL, and `urls` is off": 1,
    }
