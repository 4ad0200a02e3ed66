"""Which product is on a photo that somebody took in a shop?

    python -m benchmarks.groceries FOLDER

FOLDER holds `grocery-images/`: 81 products, each with a picture of the trade and a description,
and natural photos of them in three parts. A photo has no text of its own, so what is compared is
what is known of the *product*: its picture alone, its text (name, category, description) alone, or
both. How likely a photo shows a product is learned from the photos of the part `train`, once for
each kind of vector (see benchmarks/likeness.py); how strong the pull is there is chosen by the
likelihood of the part `val`, which is then learned from too. Both is the mean of what the two say.
The part `test` is asked once.

Then the same for products of which nobody has sent a photo yet. They are parted into three, several
times by chance: the photos of a third are held against the products of that third, by what was
learned from one other third, or two, once the last one has chosen the pulls.

Printed are the shares of photos whose likeliest product is the right one, among whose likeliest
five it is, and whose likeliest category (the sum over its products) is right; then the paired
difference of both from each alone.
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

from benchmarks.likeness import Likeness, unit
from benchmarks.markdown import table
from endcap.encoders import image, text_multilingual
from endcap.encoders.image import Image
from endcap.encoders.text_multilingual import TextMultilingual
from endcap.experiment.intervals import paired
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Floats

PULLS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

PARTS, TIMES = 3, 3
"""Parts of the products, and how often they are parted anew."""

SAMPLES, TINY = 2_000, 1e-12

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
        photos=unit(_pictures(folder, photos, run)),
        right=np.array([code[one["product"]] for one in photos]),
        pictures=unit(_pictures(folder, products, run)),
        words=unit(_words(products, run)),
        kinds=np.array([one["category"] for one in products]),
    )
    train, val, test = (
        np.flatnonzero([one["split"] == name for one in photos])
        for name in ("train", "val", "test")
    )
    every = np.arange(len(products))
    lesson = Lesson(train, val, np.append(train, val), test, every, every, every, every)
    _show("photos of all products", shop.found(lesson))
    _show("photos of products without any", _unseen(shop, len(products)))


def _unseen(shop: Shop, products: int) -> Hits:
    """Of each photo the mean over the times, by maps that saw none of its product."""
    mean: Hits = {}
    for time in range(TIMES):
        parts = np.array_split(np.random.default_rng(time).permutation(products), PARTS)
        for place, some in enumerate(parts):
            asked, chosen = np.sort(some), np.sort(parts[place - 1])
            known = np.setdiff1d(np.arange(products), asked)
            first = np.setdiff1d(known, chosen)
            learnt, val, train, test = (
                np.flatnonzero(np.isin(shop.right, of)) for of in (first, chosen, known, asked)
            )
            hits = shop.found(Lesson(learnt, val, train, test, first, known, chosen, asked))
            for name, own in hits.items():
                of_all = mean.setdefault(name, np.zeros((len(shop.right), 3), np.float32))
                of_all[test] += own / TIMES
    return mean


Hit = Floats
"""[photos, 3]: the product is right, is among five, the category is."""

Hits = dict[str, Hit]
"""By what was asked with."""


@dataclass(frozen=True)
class Lesson:
    """learnt, val: [n] photos that choose the pulls; train: those learned from with these; test:
    those asked. first, known: products that are there to learn from, for the choice and after it;
    among, asked: those that photos of `val` and `test` are held against. Products in order."""

    learnt: Places
    val: Places
    train: Places
    test: Places
    first: Places
    known: Places
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
        pictures = Way(self, lesson, self.pictures, alike=True)
        words = Way(self, lesson, self.words, alike=False)
        shares = {
            "picture, nothing learned": pictures.shares(np.inf),
            "picture": pictures.shares(pictures.chosen()),
            "text": words.shares(words.chosen()),
        }
        shares["both"] = np.asarray((shares["picture"] + shares["text"]) / 2, np.float32)
        return {name: self._hits(one, lesson) for name, one in shares.items()}

    def _hits(self, shares: Floats, lesson: Lesson) -> Hit:
        order = lesson.asked[np.argsort(-shares, axis=1, kind="stable")]
        own = order == self.right[lesson.test, None]
        names, kind = np.unique(self.kinds, return_inverse=True)
        member = kind[lesson.asked, None] == np.arange(len(names))
        same = (shares @ member).argmax(axis=1) == kind[self.right[lesson.test]]
        return np.stack([own[:, 0], own[:, :5].any(axis=1), same], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Way:
    """One kind of what is known of products, vectors [products, n], in a lesson."""

    shop: Shop
    lesson: Lesson
    vectors: Floats
    alike: bool

    def chosen(self) -> float:
        """The pull by which the photos of `val` are likeliest."""
        lesson = self.lesson
        right = np.searchsorted(lesson.among, self.shop.right[lesson.val])

        def likely(pull: float) -> float:
            model = self._learned(lesson.learnt, lesson.first, pull)
            shares = model(self.shop.photos[lesson.val], self.vectors[lesson.among])
            return float(np.log(shares[np.arange(len(right)), right] + TINY).mean())

        return max(PULLS, key=likely)

    def shares(self, pull: float) -> Floats:
        """[photos of `test`, products asked] how likely each is."""
        model = self._learned(self.lesson.train, self.lesson.known, pull)
        return model(self.shop.photos[self.lesson.test], self.vectors[self.lesson.asked])

    def _learned(self, photos: Places, products: Places, pull: float) -> Likeness:
        right = np.searchsorted(products, self.shop.right[photos])
        given = self.shop.photos[photos], self.vectors[products]
        return Likeness.fit(*given, right, pull, alike=self.alike)


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


if __name__ == "__main__":
    main()
