"""Which product is on a photo that somebody took in a shop?

    python -m benchmarks.groceries FOLDER

FOLDER holds `grocery-images/`: 81 products, each with a picture of the trade and a description,
and natural photos of them in three parts. A photo has no text of its own, so what is compared is
what is known of the *product*: its picture alone, its text (name, category, description) alone, or
both. A map from photos to those vectors is learned from the photos of the part `train`, one for
each kind, and how strongly it is pulled to the mean is chosen on the part `val`. Both means that
the likeness to the picture and that to the text, by a weight chosen there too, are added. The part
`test` is asked once.

Then the same for products of which nobody has sent a photo yet. They are parted into three, several
times by chance: the photos of a third are held against the products of that third, by maps that
have learned from one other third, or two, once the last one has chosen their pulls.

Printed are the shares of photos whose nearest product is the right one, among whose nearest five
it is, and whose nearest product is of the right category; then the paired difference of both from
each alone.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

PULLS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)

WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

PARTS, TIMES = 3, 3
"""Parts of the products, and how often they are parted anew."""

SAMPLES = 2_000

Rows = Sequence[Mapping[str, str]]

Places = NDArray[np.int64]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--cache", type=Path, default=Path("build/content"))
    given = arguments.parse_args()
    folder, run = given.folder / "grocery-images", Run(cache=given.cache)
    products, photos = _read(folder / "products.csv"), _read(folder / "photos.csv")
    code = {one["product"]: place for place, one in enumerate(products)}
    shop = Shop(
        photos=_unit(_pictures(folder, photos, run)),
        right=np.array([code[one["product"]] for one in photos]),
        pictures=_unit(_pictures(folder, products, run)),
        words=_unit(_words(products, run)),
        kinds=np.array([one["category"] for one in products]),
    )
    train, val, test = (
        np.flatnonzero([one["split"] == name for one in photos])
        for name in ("train", "val", "test")
    )
    every = np.arange(len(products))
    _show("photos of all products", shop.found(Lesson(train, val, train, test, every, every)))
    _show("photos of products without any", _unseen(shop, len(products)))


def _unseen(shop: Shop, products: int) -> Hits:
    """Of each photo the mean over the times, by maps that saw none of its product."""
    mean: Hits = {}
    for time in range(TIMES):
        parts = np.array_split(np.random.default_rng(time).permutation(products), PARTS)
        for place, asked in enumerate(parts):
            chosen = parts[place - 1]
            known = np.setdiff1d(np.arange(products), asked)
            learnt, val, train, test = (
                np.flatnonzero(np.isin(shop.right, some))
                for some in (np.setdiff1d(known, chosen), chosen, known, asked)
            )
            hits = shop.found(Lesson(learnt, val, train, test, chosen, asked))
            for name, own in hits.items():
                of_all = mean.setdefault(name, np.zeros((len(shop.right), 3), np.float32))
                of_all[test] += own / TIMES
    return mean


Hits = dict[str, Floats]
"""By what was asked with, [photos, 3]: the product is right, is among five, its category is."""


@dataclass(frozen=True)
class Lesson:
    """learnt, val: [n] photos that choose the pulls; train: those learned from with these;
    test: those asked. among, asked: products that photos of `val` and `test` are held against."""

    learnt: Places
    val: Places
    train: Places
    test: Places
    among: Places
    asked: Places


@dataclass(frozen=True)
class Shop:
    """photos [photos, n], and their products, right [photos]; of the products, pictures and words,
    each [products, n], and kinds [products]."""

    photos: Floats
    right: Places
    pictures: Floats
    words: Floats
    kinds: NDArray[np.str_]

    def found(self, lesson: Lesson) -> Hits:
        """What the photos of `test` find."""
        plain = _near(self.photos[lesson.test], self.pictures[lesson.asked])
        picture, chosen_picture = self._learned(self.pictures, lesson, alike=True)
        text, chosen_text = self._learned(self.words, lesson, alike=False)
        sums = [chosen_picture + weight * chosen_text for weight in WEIGHTS]
        weight = WEIGHTS[self._best(sums, lesson)]
        scores = {"picture, nothing learned": plain, "picture": picture, "text": text}
        scores["both"] = picture + weight * text
        return {name: self._hits(one, lesson) for name, one in scores.items()}

    def _learned(self, wanted: Floats, lesson: Lesson, *, alike: bool) -> tuple[Floats, Floats]:
        """The likeness of the photos of `test` to the products asked, and of those of `val`."""

        def likeness(pull: float, learnt: Places, photos: Places, products: Places) -> Floats:
            one = Bridge.fit(self.photos[learnt], wanted[self.right[learnt]], pull, alike=alike)
            return _near(one(self.photos[photos]), wanted[products])

        tried = [likeness(pull, lesson.learnt, lesson.val, lesson.among) for pull in PULLS]
        best = self._best(tried, lesson)
        return likeness(PULLS[best], lesson.train, lesson.test, lesson.asked), tried[best]

    def _best(self, tried: Sequence[Floats], lesson: Lesson) -> int:
        """Which of them finds most products of the photos of `val`."""
        right = self.right[lesson.val]
        good = [(lesson.among[one.argmax(axis=1)] == right).mean() for one in tried]
        return int(np.argmax(good))

    def _hits(self, likeness: Floats, lesson: Lesson) -> Floats:
        order = lesson.asked[np.argsort(-likeness, axis=1, kind="stable")]
        own = order == self.right[lesson.test, None]
        same = self.kinds[order[:, 0]] == self.kinds[self.right[lesson.test]]
        return np.stack([own[:, 0], own[:, :5].any(axis=1), same], axis=1).astype(np.float32)


def _show(title: str, hits: Hits) -> None:
    titles = [f"{len(hits['both']):,} {title}", "product", "among five", "category"]
    rows = [[name, *(f"{one:.1%}" for one in found.mean(axis=0))] for name, found in hits.items()]
    print(table(titles, rows), "", sep="\n")
    for name in list(hits)[:-1]:
        for what, place in (("product", 0), ("category", 2)):
            gap = paired(hits["both"][:, place], hits[name][:, place], SAMPLES, 1)
            interval = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
            print(f"both − {name}, {what}: {interval}, p {gap.p:.4f}")
    print()


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


def _near(found: Floats, wanted: Floats) -> Floats:
    """The cosine, what all products have in common aside."""
    mean = wanted.mean(axis=0)
    return np.asarray(_unit(found - mean) @ _unit(wanted - mean).T)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


if __name__ == "__main__":
    main()
