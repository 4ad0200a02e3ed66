"""What the index finds of the best items, and what it takes, beside going through all of them.

    python -m benchmarks.index SHOP [--retriever sequence]

SHOP: a shop folder with a live release. The vectors are those of its network, which visitors of
its log ask for: how many of the best of exact products the lists by the index hold, and
milliseconds for a question, asked alone and eight at once, by one thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.markdown import table
from endcap.config import Shop
from endcap.experiment.batch import served
from endcap.nn.index import Index
from endcap.nn.nearest import Nearest
from endcap.recommender import Recommender
from endcap.retrievers.sequence import Sequence
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import History, Queries, Ranking

QUESTIONS = 2_000

WANTED = (20, 70, 200)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("shop", type=Path)
    arguments.add_argument("--retriever", default="sequence")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    shop = Shop.open(given.shop)
    system = Recommender.load(served(Releases(shop.releases).path()))
    model = system.retrievers[given.retriever]
    if not isinstance(model, Sequence) or model.network is None:
        raise SystemExit(f"{given.retriever} is no network that reads events")
    read = model.network.read(model.vectors, _asked(Dataset.load(prepared(shop))))
    index = Index.of(model.vectors.numpy())
    if index is None:
        raise SystemExit("faiss is not installed: run `pip install 'endcap[index]'`")
    ways = Nearest(model.vectors), Nearest(model.vectors, index)
    print(f"{len(model.vectors):,} items, {len(read):,} visitors.\n")
    print(table(TITLES, [_row(ways, read, wanted) for wanted in WANTED]))


TITLES = (
    "best",
    "found by the index",
    "all, ms",
    "index, ms",
    "all, 8 at once",
    "index, 8 at once",
)


def _asked(dataset: Dataset) -> Queries:
    users = np.arange(1, min(QUESTIONS, len(dataset.users) - 1) + 1, dtype=np.int32)
    asked = dataset.now(users)
    return asked.take(np.flatnonzero(asked.history.lengths > 0))


def _row(ways: tuple[Nearest, Nearest], read: torch.Tensor, wanted: int) -> list[str]:
    exact, rough = (way.best(read, _anyone(len(read)), wanted) for way in ways)
    kept = np.isin(_pairs(exact), _pairs(rough)).mean()
    took = [f"{_took(way, read, wanted, together):.2f}" for together in (1, 8) for way in ways]
    return [str(wanted), f"{kept:.4f}", *took]


def _anyone(count: int) -> Queries:
    nobody = np.zeros(count, np.int32)
    return Queries.of(nobody, np.ones(count, np.int64), History.empty(count))


def _pairs(ranking: Ranking) -> np.ndarray:
    return ranking.query.astype(np.int64) << 32 | ranking.item


def _took(way: Nearest, read: torch.Tensor, wanted: int, together: int) -> float:
    """Milliseconds for a question, in the middle of some."""
    found = []
    for first in range(0, min(len(read), 50 * together) - together + 1, together):
        began = time.perf_counter()
        way.best(read[first : first + together], _anyone(together), wanted)
        found.append(time.perf_counter() - began)
    return 1e3 * float(np.median(found)) / together


if __name__ == "__main__":
    main()
