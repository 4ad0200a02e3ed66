"""Who listens to whom, by a knowledge graph, under the protocol of KGCN (Wang et al., WWW 2019).

    python -m benchmarks.lastfm FOLDER [--seeds 5]

FOLDER holds `lastfm-kg/`. Each pair of a listener and an artist that the graph knows is a positive;
as many artists that the listener has not heard are drawn as negatives, evenly among all artists.
Both are mixed and split 6 : 2 : 2 into train, evaluation and test. Endcap learns from the
positives of the train part alone, imported as events, and from the graph, imported as triples; it
is not told which negatives are in the train part, as KGCN is. Area under the ROC curve and F1 are
those of all pairs of the test part; the score from which a pair counts as positive is the one with
the best F1 on the evaluation part.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import stats

from benchmarks.markdown import table
from endcap.config import FILE, Shop
from endcap.retrievers.graph import GraphWalk
from endcap.retrievers.popular import Popular
from endcap.sources import import_file
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from endcap.types import Floats

Pairs = NDArray[np.int64]
"""[pairs, 3] listener, artist by the number that the graph has for it, and 1 or 0."""

DAY = 86_400

COMMON = {"recency": 1.0, "history": 500, "taken": 500}
"""The log has no order, so the newest events say no more than others."""

MODELS: Mapping[str, tuple[type[Retriever[Any]], Mapping[str, Any]]] = {
    "popular": (Popular, {}),
    "walks by listeners alone": (GraphWalk, {**COMMON, "facts": 0.0}),
    "walks by listeners and facts": (GraphWalk, COMMON),
}


@dataclass(frozen=True)
class Split:
    train: Pairs
    evaluation: Pairs
    test: Pairs


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--work", type=Path, default=Path("build/lastfm"))
    given = arguments.parse_args()
    positives, artists = _positives(given.folder / "lastfm-kg")
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in MODELS}
    for seed in range(1, given.seeds + 1):
        split = _split(positives, artists, seed)
        dataset = _shop(given.work, given.folder / "lastfm-kg", split.train, artists)
        for name, (cls, changes) in MODELS.items():
            settings = cls.settings_type.model_validate(changes)
            model = cls.fit(settings, dataset, None, Run(seed=seed))
            figures[name].append(_judged(model, dataset, split))
    rows = [[name, *map(_interval, zip(*found, strict=True))] for name, found in figures.items()]
    print(table(["", "AUC", "F1"], [*rows, ["KGCN, as published", ".796", ".721"]]))


def _positives(folder: Path) -> tuple[Pairs, int]:
    """[pairs, 2] listener and artist, and how many artists the graph knows."""
    heard, known = (
        pq.read_table(folder / f"{name}.parquet") for name in ("user_artists", "item_entity")
    )
    entity = dict(zip(known["artist_id"].to_pylist(), known["entity_id"].to_pylist(), strict=True))
    artist = np.array([entity.get(one, -1) for one in heard["artistID"].to_pylist()])
    pairs = np.stack([heard["userID"].to_numpy(), artist], axis=1)
    return np.unique(pairs[artist >= 0], axis=0), len(entity)


def _split(positives: Pairs, artists: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    negatives = [
        (listener, artist)
        for listener in np.unique(positives[:, 0])
        for artist in _unheard(positives[positives[:, 0] == listener, 1], artists, rng)
    ]
    labels = np.r_[np.ones(len(positives)), np.zeros(len(negatives))].astype(np.int64)
    pairs = np.c_[np.concatenate([positives, np.array(negatives)]), labels]
    pairs, fifth = pairs[rng.permutation(len(pairs))], len(pairs) // 5
    return Split(pairs[2 * fifth :], pairs[:fifth], pairs[fifth : 2 * fifth])


def _unheard(heard: NDArray[np.int64], artists: int, rng: np.random.Generator) -> NDArray[np.int64]:
    rest = np.setdiff1d(np.arange(artists), heard)
    return rng.choice(rest, len(heard), replace=False)


def _shop(work: Path, files: Path, train: Pairs, artists: int) -> Dataset:
    """A shop that knows the positives of the train part, all artists, and the graph."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / FILE).write_text('[split]\nprotocol = "leave-one-out"\n')
    taken, facts = train[train[:, 2] == 1], pq.read_table(files / "kg.parquet")
    numbers = range(artists)
    tables = {
        "events.csv": {
            "user_id": taken[:, 0],
            "item_id": [f"a{artist}" for artist in taken[:, 1]],
            "timestamp": 1_300_000_000 + DAY * (np.arange(len(taken)) % 365),
        },
        "items.csv": {
            "item_id": [f"a{n}" for n in numbers],
            "title": [f"artist {n}" for n in numbers],
        },
        "graph.kg": dict(
            zip(("head_id:token", "relation_id:token", "tail_id:token"), facts.columns, strict=True)
        ),
        "graph.link": {"item_id:token": [f"a{n}" for n in numbers], "entity_id:token": [*numbers]},
    }
    shop = Shop.open(work)
    for name, columns in tables.items():
        tabs = csv.WriteOptions(delimiter="\t" if name.startswith("graph") else ",")
        csv.write_csv(pa.table(columns), work / name, tabs)
        import_file(shop.tables, str(work / name))
    prepare(shop)
    return Dataset.load(prepared(shop))


def _judged(model: Retriever[Any], dataset: Dataset, split: Split) -> tuple[float, float]:
    """Area under the ROC curve and F1."""
    scores = _scores(model, dataset)
    edge = _edge(split.evaluation[:, 2], _of(scores, dataset, split.evaluation))
    positive, found = split.test[:, 2], _of(scores, dataset, split.test)
    hits = int(positive[found >= edge].sum())
    f1 = 2 * hits / (np.count_nonzero(found >= edge) + positive.sum())
    return _area(positive, found), float(f1)


def _scores(model: Retriever[Any], dataset: Dataset) -> Floats:
    """[users, items] of the model's lists that go on to the end of the catalogue."""
    items = len(dataset.catalogue)
    users = np.arange(len(dataset.users), dtype=np.int32)
    scores = np.zeros((len(users), items), np.float32)
    lists = model.retrieve(dataset.now(users), items)
    scores[lists.query, lists.item] = lists.score
    return scores


def _of(scores: Floats, dataset: Dataset, pairs: Pairs) -> Floats:
    users = dataset.user_codes(str(listener) for listener in pairs[:, 0])
    return scores[users, dataset.catalogue.codes(f"a{artist}" for artist in pairs[:, 1])]


def _area(positive: NDArray[np.int64], scores: Floats) -> float:
    """The chance that a positive stands above a negative; a tie is half a win."""
    ranks, many = stats.rankdata(scores), int(positive.sum())
    won = ranks[positive == 1].sum() - many * (many + 1) / 2
    return float(won / (many * (len(positive) - many)))


def _edge(positive: NDArray[np.int64], scores: Floats) -> float:
    """The score from which the pairs have the best F1."""
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * np.cumsum(positive[order]) / (np.arange(1, len(order) + 1) + positive.sum())
    return float(scores[order][int(f1.argmax())])


def _interval(values: Sequence[float]) -> str:
    """Mean of the seeds and half of its 95 % interval by Student's t."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) if len(values) > 1 else 0.0
    return f"{np.mean(values):.4f} ± {half:.4f}"


if __name__ == "__main__":
    main()
