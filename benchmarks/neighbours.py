"""What encoders of texts take to be alike, to be judged by eye.

    python -m benchmarks.neighbours TITLES.txt

The file has one title a line. Prints three tables: for some titles the nearest other one by each
encoder, for some English words the nearest title, and how often that is right: with vectors as the
model gives them, and centred. A title is taken to be right where it
holds the Chinese word for what is asked, which every title of that kind of thing holds.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.markdown import table
from endcap.encoders import text_hashing, text_multilingual
from endcap.encoders.text_hashing import TextHashing
from endcap.encoders.text_multilingual import TextMultilingual
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Floats

QUERIES = {
    "red dress": "连衣裙",
    "laptop backpack": "双肩.*包|背包|书包|电脑包",
    "phone case": "手机壳|手机套|手机保护套",
    "children's toothbrush": "牙刷",
    "wine opener": "开瓶器",
    "running shoes for women": "跑.*鞋",
    "wireless mouse": "鼠标",
    "moisturising face mask": "面膜",
    "desk lamp": "台灯",
    "cat food": "猫粮",
    "down jacket": "羽绒",
    "mechanical keyboard": "键盘",
    "umbrella": "伞",
    "green tea": "茶",
    "curtains": "窗帘",
    "lipstick": "口红|唇膏",
    "baby milk powder": "奶粉",
    "headphones": "耳机|耳塞",
    "camping tent": "帐篷",
    "slippers": "拖鞋",
    "sofa": "沙发",
    "bicycle": "自行车|单车|山地车",
    "wrist watch": "手表|腕表",
    "pillow": "枕",
    "bath towel": "毛巾|浴巾",
    "necklace": "项链",
    "shampoo": "洗发",
    "suitcase": "行李箱|拉杆箱|旅行箱",
    "jeans": "牛仔裤",
    "sunglasses": "太阳镜|墨镜",
}
"""English words, and what a right title holds: a pattern."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("titles", type=Path)
    arguments.add_argument("--first", type=int, default=3_000, help="titles that are read")
    arguments.add_argument("--shown", type=int, default=20, help="titles that are asked about")
    arguments.add_argument("--cache", type=Path, default=Path("build/content"))
    given = arguments.parse_args()
    titles = list(dict.fromkeys(given.titles.read_text(encoding="utf-8").split("\n")))
    titles = [title for title in titles if title.strip()][: given.first]
    run = Run(cache=given.cache)
    print(neighbours(titles, given.shown, run), found(titles, run), sep="\n\n")


def neighbours(titles: Sequence[str], shown: int, run: Run) -> str:
    """Titles that lie equally far apart in the file, and what is nearest to each."""
    catalogue = _catalogue(titles)
    hashing = TextHashing.fit(text_hashing.Settings(), catalogue, run)
    meaning = _meaning("passage", catalogue, run, centred=True)
    columns = [one.encode(catalogue, run).vectors for one in (hashing, meaning)]
    asked = np.arange(shown) * len(titles) // shown
    nearest = [_best(vectors[asked], vectors, asked) for vectors in columns]
    rows = [
        [titles[at], *(titles[best[n]] for best in nearest)] for n, at in enumerate(asked.tolist())
    ]
    return table(["title", "text_hashing", "text_multilingual"], rows)


def found(titles: Sequence[str], run: Run) -> str:
    """The title that is nearest to each query that the file has a right title for, and how often
    that is right."""
    right = {
        query: np.array([bool(re.search(word, title)) for title in titles])
        for query, word in QUERIES.items()
    }
    asked = [query for query in QUERIES if right[query].any()]
    likeness = {
        centred: _likeness(titles, asked, run, centred=centred) for centred in (False, True)
    }
    best = [titles[at] for at in likeness[True].argmax(axis=1)]
    lists = {
        name: np.argsort(-one, axis=1, kind="stable")[:, :10] for name, one in likeness.items()
    }
    rows = [
        [name, *_rightly(lists[centred], [right[query] for query in asked])]
        for centred, name in ((False, "as they come"), (True, "centred"))
    ]
    titled = [
        f"{len(asked)} queries, {len(titles):,} titles",
        "first is right",
        "one of ten is",
        "of all that could be among ten",
    ]
    words = table(["query", "text_multilingual"], zip(asked, best, strict=True))
    return f"{words}\n\n{table(titled, rows)}"


def _likeness(titles: Sequence[str], asked: Sequence[str], run: Run, *, centred: bool) -> Floats:
    """[queries, titles]"""
    goods = _catalogue(titles)
    items, queries = (_meaning(role, goods, run, centred=centred) for role in ("passage", "query"))
    vectors = queries.encode(_catalogue(asked), run).vectors
    return np.asarray(vectors @ items.encode(goods, run).vectors.T)


def _rightly(lists: NDArray[Any], right: Sequence[NDArray[np.bool_]]) -> list[str]:
    """Shares of the queries, and of the right titles that ten places have room for."""
    hits = np.stack([own[row] for row, own in zip(lists, right, strict=True)])
    room = np.array([min(10, own.sum()) for own in right])
    shares = hits[:, 0].mean(), hits.any(axis=1).mean(), (hits.sum(axis=1) / room).mean()
    return [f"{share:.0%}" for share in shares]


def _best(asked: Floats, vectors: Floats, own: NDArray[Any] | None = None) -> list[int]:
    """For each row asked about the nearest vector, its own left out."""
    likeness = asked @ vectors.T
    if own is not None:
        likeness[np.arange(len(own)), own] = -np.inf
    return [int(at) for at in likeness.argmax(axis=1)]


def _meaning(role: str, goods: Catalogue, run: Run, *, centred: bool) -> TextMultilingual:
    settings = text_multilingual.Settings.model_validate({"role": role, "centred": centred})
    return TextMultilingual.fit(settings, goods, run)


def _catalogue(titles: Sequence[str]) -> Catalogue:
    columns = {"item_id": [str(n) for n in range(len(titles))], "title": list(titles)}
    return Catalogue.of({**columns, "description": [None] * len(titles)})


if __name__ == "__main__":
    main()
