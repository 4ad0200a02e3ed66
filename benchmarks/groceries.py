"""Which product is on a photo that somebody took in a shop?

    python -m benchmarks.groceries FOLDER

FOLDER holds `grocery-images/`: 81 products, each with a picture of the trade and a description,
and natural photos of them in three parts. A photo has no text of its own, so what is compared is
what is known of the *product*: its picture alone, its text (name, category, description) alone, or
both. A map from photos to those vectors is learned from the photos of the part `train`, one for
each kind, and how strongly it is pulled to the mean is chosen on the part `val`. Both means that
the likeness to the picture and that to the text, by a weight chosen there too, are added. The part
`test` is asked once.

Printed are the shares of photos whose nearest product is the right one, among whose nearest five
it is, and whose nearest product is of the right category; then the paired difference of both from
each alone.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.markdown import table
from endcap.content.bridge import Bridge
from endcap.encoders import image, text_multilingual
from endcap.encoders.image import Image
from endcap.encoders.text_multilingual import TextMultilingual
from endcap.experiment.intervals import paired
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Floats

PULLS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

SAMPLES = 2_000

Rows = Sequence[Mapping[str, str]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--cache", type=Path, default=Path("build/content"))
    given = arguments.parse_args()
    folder, run = given.folder / "grocery-images", Run(cache=given.cache)
    products, photos = _read(folder / "products.csv"), _read(folder / "photos.csv")
    code = {one["product"]: place for place, one in enumerate(products)}
    right = np.array([code[one["product"]] for one in photos])
    kinds = np.array([one["category"] for one in products])
    seen, pictures = _pictures(folder, photos, run), _pictures(folder, products, run)
    parts = {
        name: np.array([one["split"] == name for one in photos])
        for name in ("train", "val", "test")
    }
    untrained = _unit(seen) @ _unit(pictures).T
    likeness = {
        name: _learned(seen, _unit(vectors), right, parts)
        for name, vectors in (("picture", pictures), ("text", _words(products, run)))
    }
    likeness["both"] = _both(likeness["picture"], likeness["text"], right, parts["val"])
    asked = right[parts["test"]]
    scores = {"picture, nothing learned": untrained, **likeness}
    hits = {name: _hits(one[parts["test"]], asked, kinds) for name, one in scores.items()}
    titles = [
        f"{len(asked):,} photos, {len(products)} products",
        "product",
        "among five",
        "category",
    ]
    rows = [[name, *(f"{one.mean():.1%}" for one in found)] for name, found in hits.items()]
    print(table(titles, rows), "", sep="\n")
    for name in ("picture", "text"):
        for what, place in (("product", 0), ("category", 2)):
            gap = paired(hits["both"][place], hits[name][place], SAMPLES, 1)
            interval = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
            print(f"both − {name}, {what}: {interval}, p {gap.p:.4f}")


def _read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _pictures(folder: Path, rows: Rows, run: Run) -> Floats:
    names = [one["image"] for one in rows]
    encoder = Image.fit(
        image.Settings(folder=str(folder / "images")), goods := _goods(names, image_url=names), run
    )
    return encoder.encode(goods, run).vectors


def _words(products: Rows, run: Run) -> Floats:
    words = {
        "title": [one["product"].replace("-", " ") for one in products],
        "description": [
            f"{one['category'].replace('-', ' ')}. {one['description']}" for one in products
        ],
    }
    goods = _goods([one["product"] for one in products], **words)
    encoder = TextMultilingual.fit(text_multilingual.Settings(), goods, run)
    return encoder.encode(goods, run).vectors


def _goods(ids: Sequence[str], **columns: Any) -> Catalogue:
    return Catalogue.of({"item_id": [f"{n} {id_}" for n, id_ in enumerate(ids)], **columns})


def _learned(
    seen: Floats, wanted: Floats, right: NDArray[np.int64], parts: Mapping[str, NDArray[np.bool_]]
) -> Floats:
    """[photos, products] the likeness of each photo, in the words of products, to each of them."""
    train, val = parts["train"], parts["val"]
    maps = [Bridge.fit(seen[train], wanted[right[train]], pull) for pull in PULLS]
    good = [(_near(one(seen[val]), wanted).argmax(axis=1) == right[val]).mean() for one in maps]
    return _near(maps[int(np.argmax(good))](seen), wanted)


def _both(
    picture: Floats, text: Floats, right: NDArray[np.int64], val: NDArray[np.bool_]
) -> Floats:
    """The sum of both, the text by the weight that finds most products of the part `val`."""
    sums = [picture + weight * text for weight in WEIGHTS]
    good = [(one[val].argmax(axis=1) == right[val]).mean() for one in sums]
    return np.asarray(sums[int(np.argmax(good))])


def _near(found: Floats, wanted: Floats) -> Floats:
    """The cosine, what all products have in common aside."""
    mean = wanted.mean(axis=0)
    return np.asarray(_unit(found - mean) @ _unit(wanted - mean).T)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _hits(
    likeness: Floats, right: NDArray[np.int64], kinds: NDArray[np.str_]
) -> tuple[Floats, ...]:
    """[photos] each: whether the product is right, is among five, and the category is right."""
    order = np.argsort(-likeness, axis=1, kind="stable")
    own = order == right[:, None]
    same = kinds[order[:, 0]] == kinds[right]
    return tuple(one.astype(np.float32) for one in (own[:, 0], own[:, :5].any(axis=1), same))


if __name__ == "__main__":
    main()
