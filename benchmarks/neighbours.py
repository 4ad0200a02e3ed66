"""What encoders of texts take to be alike, to be judged by eye.

    python -m benchmarks.neighbours TITLES.txt

The file has one title a line. Prints two tables: for some titles the nearest other one by each
encoder, and for some English words the nearest title.
"""

from __future__ import annotations

import argparse
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

QUERIES = (
    "red dress", "laptop backpack", "phone case", "children's toothbrush", "wine opener",
    "running shoes for women", "wireless mouse", "moisturising face mask", "desk lamp", "cat food",
)  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("titles", type=Path)
    arguments.add_argument("--first", type=int, default=3_000, help="titles that are read")
    arguments.add_argument("--shown", type=int, default=20, help="titles that are asked about")
    arguments.add_argument("--cache", type=Path, default=Path("build/content"))
    given = arguments.parse_args()
    titles = list(dict.fromkeys(given.titles.read_text(encoding="utf-8").split("\n")))
    titles = [title for title in titles if title.strip()][: given.first]
    print(neighbours(titles, given.shown, Run(cache=given.cache)))
    print()
    print(found(titles, QUERIES, Run(cache=given.cache)))


def neighbours(titles: Sequence[str], shown: int, run: Run) -> str:
    """Titles that lie equally far apart in the file, and what is nearest to each."""
    catalogue = _catalogue(titles)
    hashing = TextHashing.fit(text_hashing.Settings(), catalogue, run)
    columns = [one.encode(catalogue, run).vectors for one in (hashing, _meaning("passage"))]
    asked = np.linspace(0, len(titles) - 1, shown).astype(int)
    nearest = [_best(vectors[asked], vectors, asked) for vectors in columns]
    rows = [[titles[at], *(titles[best[n]] for best in nearest)] for n, at in enumerate(asked)]
    return table(["title", "text_hashing", "text_multilingual"], rows)


def found(titles: Sequence[str], queries: Sequence[str], run: Run) -> str:
    """The title that is nearest to each query, by what they mean."""
    vectors = _meaning("passage").encode(_catalogue(titles), run).vectors
    asked = _meaning("query").encode(_catalogue(queries), run).vectors
    best = _best(asked, vectors)
    rows = [[query, titles[at]] for query, at in zip(queries, best, strict=True)]
    return table(["query", "text_multilingual"], rows)


def _best(asked: Floats, vectors: Floats, own: NDArray[Any] | None = None) -> list[int]:
    """For each row asked about the nearest vector, its own left out."""
    likeness = asked @ vectors.T
    if own is not None:
        likeness[np.arange(len(own)), own] = -np.inf
    return [int(at) for at in likeness.argmax(axis=1)]


def _meaning(role: str) -> TextMultilingual:
    settings = text_multilingual.Settings.model_validate({"role": role})
    return TextMultilingual(settings, {})


def _catalogue(titles: Sequence[str]) -> Catalogue:
    columns = {"item_id": [str(n) for n in range(len(titles))], "title": list(titles)}
    return Catalogue.of({**columns, "description": [None] * len(titles)})


if __name__ == "__main__":
    main()
