"""How a model begins: with a new visitor, and in a new shop.

    python -m benchmarks.starting FOLDER [--visitors 3000] [--seeds 3]

FOLDER holds `amazon-beauty/`. Models are small on purpose, and see a part of the visitors.

*Visitors.* A third of the visitors is kept from training. Each is asked for their last item after
the 0, 1, 2, 5 and 10 events before it (those who have so many), of models whose items learned from
visitors with a few events, through the steps that those take (meta-learning), and of the same that
learned from whole pasts.

*Shops.* Brands are dealt into two shops, visitors too, so that they share neither items nor
people. A model of the first reads the descriptions of the second's items. It answers there as it
is (frozen), or goes on with 1 %, 10 % and 100 % of the second shop's visitors; beside a model that
begins there anew. A third of the second shop's visitors is asked for their last item.

NDCG@10 over the whole catalogue, without what they had before; the mean of the seeds, each of
which deals anew, and the paired difference over all their questions together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.markdown import table
from benchmarks.shop import LEAVE_ONE_OUT, opened
from endcap.experiment.intervals import paired
from endcap.retrievers import popular
from endcap.retrievers.few_steps import FewSteps, Settings
from endcap.retrievers.popular import Popular
from endcap.stages import Earlier, Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import Floats, Queries, Ragged

EVENTS = (0, 1, 2, 5, 10)

SHARES = (0.01, 0.1, 1.0)

HELD = 1 / 3
"""Of the visitors, who are asked and not learned from."""

SAMPLES = 2_000

SMALL = {
    "encoder": "endcap.encoders.text_hashing:TextHashing",
    "content": {"dim": 64, "fields": ["description"]},
    "dim": 32,
    "negatives": 256,
    "epochs": 12,
    "batch": 256,
    "average": 0.98,
    "learning_rate": 0.01,
    "practice": 0.5,
}

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Last:
    """Visitors, each asked for their last item. truth: [Q] codes."""

    queries: Queries
    truth: Ragged

    @classmethod
    def of(cls, dataset: Dataset, users: Masks) -> Last:
        """Those of the users that have two events or more."""
        rows = np.flatnonzero(users & (dataset.history.lengths > 1))
        whole = dataset.history.take(rows)
        past, last = whole.keep(whole.ages > 0), whole.keep(whole.ages == 0)
        queries = Queries.of(rows.astype(np.int32), last.times, past)
        return cls(replace(queries, exclude=past.ragged()), last.ragged())

    def after(self, events: int) -> Last:
        """Those with so many events, and as if they had no more."""
        rows = np.flatnonzero(self.queries.history.lengths >= events)
        queries = self.queries.take(rows)
        return Last(replace(queries, history=queries.history.last(events)), self.truth.take(rows))

    def judge(self, model: Retriever[Any]) -> Floats:
        """[Q] NDCG@10."""
        lists = model.retrieve(self.queries, 10)
        found = lists.hits(self.truth)
        gains = np.zeros(len(self.queries), np.float32)
        gains[lists.query[found]] = 1 / np.log2(1 + lists.places[found])
        return gains


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--visitors", type=int, default=3_000)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--shop", type=Path, default=Path("build/starting"))
    arguments.add_argument("--only", choices=("visitors", "shops"))
    given = arguments.parse_args()
    dataset = _some(_prepared(given.shop, given.folder / "amazon-beauty"), given.visitors)
    seeds = range(1, given.seeds + 1)
    if given.only != "shops":
        print(_table([dict(visitors(dataset, seed)) for seed in seeds]), "", sep="\n", flush=True)
    if given.only != "visitors":
        print(_table([dict(shops(dataset, seed)) for seed in seeds]))


def visitors(dataset: Dataset, seed: int) -> Iterator[tuple[tuple[str, str], Floats]]:
    """By model and number of events, what each question has gained."""
    held = np.random.default_rng(seed).random(len(dataset.users)) < HELD
    known, asked = dataset.keep(~held[dataset.user]), Last.of(dataset, held)
    models: dict[str, Retriever[Any]] = {
        "popular": _popular(known),
        "from whole pasts": _fitted(known, seed, practice=0.0),
        "meta-learned": _fitted(known, seed),
    }
    for events in EVENTS:
        few = asked.after(events)
        for name, model in models.items():
            yield (name, f"{events} events"), few.judge(model)


def shops(dataset: Dataset, seed: int) -> Iterator[tuple[tuple[str, str], Floats]]:
    """By form and share of the second shop's visitors, what each question has gained."""
    rng = np.random.default_rng(seed)
    first, second = (_half(dataset, seed, side) for side in (0, 1))
    source = _fitted(first, seed)
    held, share = rng.random(len(dataset.users)) < HELD, rng.random(len(dataset.users))
    asked = Last.of(second, held)
    none = np.full(len(second.catalogue), -1, np.int32)
    earlier = Earlier(source.state, none, 0)
    for part in SHARES:
        known = second.keep((~held & (share <= part))[second.user])
        models: dict[str, Retriever[Any]] = {
            "popular": _popular(known),
            "from scratch": _fitted(known, seed),
            "frozen": _fitted(known, seed, earlier, frozen=True),
            "warm-started": _fitted(known, seed, earlier),
        }
        for name, model in models.items():
            yield (name, f"{part:.0%}"), asked.judge(model)


def _prepared(folder: Path, files: Path) -> Dataset:
    sources = (files / f"{name}.parquet" for name in ("events", "items"))
    shop = opened(folder, LEAVE_ONE_OUT, sources)
    return Dataset.load(prepared(shop))


def _some(dataset: Dataset, many: int) -> Dataset:
    """So many visitors, and the items that they had."""
    chosen = np.random.default_rng(0).permutation(np.arange(1, len(dataset.users)))[:many]
    known = dataset.keep(np.isin(dataset.user, chosen))
    return _shelf(known, np.bincount(known.item, minlength=len(dataset.catalogue)) > 0)


def _half(dataset: Dataset, seed: int, side: int) -> Dataset:
    """A shop with half of the brands and half of the visitors."""
    words = [
        (text or "").split(" ")[0] for text in dataset.catalogue.table["description"].to_pylist()
    ]
    _, brand = np.unique(words, return_inverse=True)
    rng = np.random.default_rng([seed, 7])
    shop_of_brand = rng.integers(0, 2, brand.max() + 1)
    shop_of_user = rng.integers(0, 2, len(dataset.users))
    items = shop_of_brand[brand] == side
    return _shelf(dataset.keep((shop_of_user[dataset.user] == side) & items[dataset.item]), items)


def _shelf(dataset: Dataset, items: Masks) -> Dataset:
    """Only these items, under new codes; all events are on them."""
    places = np.flatnonzero(items)
    codes = np.full(len(items), -1, np.int32)
    codes[places] = np.arange(len(places))
    goods = dataset.catalogue
    some = Catalogue(goods.table.take(places), goods.features.take(places))
    return replace(dataset, catalogue=some, item=codes[dataset.item])


def _fitted(
    known: Dataset, seed: int, earlier: Earlier | None = None, **changes: Any
) -> Retriever[Any]:
    settings = Settings.model_validate({**SMALL, **changes})
    return FewSteps.fit(settings, known, None, Run(seed=seed, earlier=earlier))


def _popular(known: Dataset) -> Retriever[Any]:
    return Popular.fit(popular.Settings(half_life_days=10_000), known, None, Run())


def _table(seeds: list[dict[tuple[str, str], Floats]]) -> str:
    """Means by model and column, and how much better the last model is than the second."""
    names, columns = (list(dict.fromkeys(key[place] for key in seeds[0])) for place in (0, 1))
    values = {key: np.concatenate([one[key] for one in seeds]) for key in seeds[0]}
    rows = [[name, *(f"{values[name, column].mean():.4f}" for column in columns)] for name in names]
    gaps = [paired(values[names[-1], one], values[names[1], one], SAMPLES, 1) for one in columns]
    cells = [f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]" for gap in gaps]
    many = [f"{len(values[names[0], column]):,}" for column in columns]
    last = [[f"{names[-1]} − {names[1]}", *cells], ["questions", *many]]
    return table(["", *columns], [*rows, *last])


if __name__ == "__main__":
    main()
