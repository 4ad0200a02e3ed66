"""Are items found that nobody has ever touched? A tenth of a catalogue is kept out of training.

    python -m benchmarks.cold EVENTS.parquet ITEMS.parquet [--encoders NAME …]

Leave-one-out. Training sees no event of the cold items, of which only the texts are known; asked
are the questions of the test part whose answer is one of them, and the whole catalogue is ranked.
Prints recall@50 of the retriever `described` with each encoder, as it is and with `standing`, and
of two towers with it, beside what is nearest to what the visitor took by the same encoder, TF-IDF
over texts, the retriever `newcomers`, and chance.
Then what `standing` does to questions whose answer is no cold item; and recall@50 of both once
`learn` has been told the first events that each cold item had in training. Epochs are those that
the validation part chooses, asked for items that are not cold.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.markdown import table
from benchmarks.shop import LEAVE_ONE_OUT, opened
from endcap import metrics
from endcap.class_paths import resolve
from endcap.cli.output import progress
from endcap.config import Shop, Stage
from endcap.experiment.intervals import bootstrap, paired
from endcap.nn.scoring import best
from endcap.retrievers.newcomers import Newcomers
from endcap.retrievers.sequence import Sequence
from endcap.retrievers.two_tower import TwoTower
from endcap.stages import Encoder, Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Bools, Floats, Int8s, Int32s, Queries, Ranking, Report, spans

ENCODERS = {
    "hashing": "endcap.encoders.text_hashing:TextHashing",
    "english": "endcap.encoders.text_english:TextEnglish",
    "multilingual": "endcap.encoders.text_multilingual:TextMultilingual",
}

SHARE, DEPTH, SAMPLES, SEED = 0.1, 50, 2_000, 1

TERMS = "TF-IDF of the past"

STANDING = (0.9, 1.0)
"""Lengths of what is guessed, in means of what was learned."""

TOLD = (1, 2, 5, 10)
"""How many first events of each cold item are told."""

OTHERS = 4_000
"""Questions about other items that are asked after each."""

RECENCY = 0.8
"""What each older event counts of the one after it, where the nearest to a past is sought."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", type=Path)
    arguments.add_argument("items", type=Path)
    arguments.add_argument("--shop", type=Path, default=Path("build/next-item"))
    arguments.add_argument("--encoders", nargs="*", choices=list(ENCODERS), default=["hashing"])
    given = arguments.parse_args()
    with progress() as report:
        shop = opened(given.shop, LEAVE_ONE_OUT, (given.events, given.items), report)
        dataset = Dataset.load(prepared(shop))
        cold = _cold(len(dataset.catalogue))
        asked, known = (_about(dataset.asked(Part.TEST), mask) for mask in (cold, ~cold))
        lists, models = _lists(shop, dataset, cold, asked, given.encoders, report)
        shown = {name: one.retrieve(known.queries, DEPTH) for name, one in models.items()}
        some = known.sample(OTHERS, SEED)
        warmer = {name: _warmer(dataset, one, cold, asked, some) for name, one in models.items()}
    print(f"{cold.sum():,} cold items of {len(cold):,}; {len(asked):,} questions.\n")
    chance = DEPTH / len(cold)
    rows = [["chance", f"{chance:.4f}", "", "1.0", ""]]
    found = {name: _recall(dataset, one, asked) for name, one in lists.items()}
    for name, one in found.items():
        recall, gap = bootstrap(one, SAMPLES, SEED), _gap(one, found[TERMS])
        interval = f"{recall.low:.4f} to {recall.high:.4f}"
        times = f"{(recall.value or 0.0) / chance:.1f}"
        rows.append([name, f"{recall.value:.4f}", interval, times, gap])
    print(table(["", f"recall@{DEPTH}", "95 %", "× chance", f"against {TERMS}"], rows))
    print(f"\n{len(known):,} questions about other items.\n")
    found = {name: _recall(dataset, one, known) for name, one in shown.items()}
    rows = []
    for name, one in found.items():
        rows.append([name, f"{one.mean():.4f}", _gap(one, found[name.partition(",")[0]])])
    print(table(["", f"recall@{DEPTH}", "against as it is"], rows))
    print(f"\nrecall@{DEPTH} once so many first events of each cold item have been told.\n")
    rows = []
    for name, each in warmer.items():
        about, others = ([recall[which] for recall in each] for which in (0, 1))
        rows.append([name, "cold", *_each(about), _gap(about[-1], about[0])])
        rows.append([name, "other", *_each(others), _gap(others[-1], others[0])])
    print(table(["", "items", "0", *map(str, TOLD), f"{TOLD[-1]} against 0"], rows))


def _each(found: list[Floats]) -> list[str]:
    return [f"{one.mean():.4f}" for one in found]


def _gap(one: Floats, other: Floats) -> str:
    gap = paired(one, other, SAMPLES, SEED)
    return f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p {gap.p:.4f}"


def _recall(dataset: Dataset, lists: Ranking, asked: Asked) -> Floats:
    return metrics.every()["recall"](lists, asked.truth, dataset.catalogue, DEPTH)


def _cold(items: int) -> Bools:
    """[items] a tenth of them, by chance."""
    return np.random.default_rng(SEED).permutation(items) < SHARE * items


def _about(asked: Asked, cold: Bools) -> Asked:
    """The questions whose answer is among some items; what was taken before is no answer."""
    seen = replace(asked.queries, exclude=asked.queries.history.ragged())
    return replace(asked, queries=seen).take(np.flatnonzero(cold[asked.truth.values]))


def _lists(
    shop: Shop, dataset: Dataset, cold: Bools, asked: Asked, encoders: list[str], report: Report
) -> tuple[dict[str, Ranking], dict[str, Retriever[Any]]]:
    """By their names, lists for the questions about cold items; and the networks."""
    past, run = dataset.before(Part.VALIDATION), Run(report=report, cache=shop.folder / "content")
    past = past.keep(~cold[past.item])
    judge = _about(dataset.asked(Part.VALIDATION), ~cold)
    history = asked.queries.history
    met = replace(asked.queries, history=history.keep(~cold[history.items]))
    content, own = resolve(Retriever, shop.config.retrievers["content"], "content")
    lists = {TERMS: content.fit(own, past, None, run).retrieve(met, DEPTH)}
    leaning = Newcomers.fit(Newcomers.settings_type(), past, None, run)
    lists["newcomers"] = leaning.retrieve(met, DEPTH)
    models = dict[str, Retriever[Any]]()
    for name in encoders:
        stage = {"use": ENCODERS[name], "fields": _described(shop)["fields"]}
        kind, encoder = resolve(Encoder, Stage.model_validate(stage), name)
        vectors = kind.fit(encoder, past.catalogue, run).encode(past.catalogue, run).vectors
        lists[f"{name}: nearest to the past"] = best(
            partial(nearest, vectors), met, DEPTH, len(vectors)
        )
        described = shop.config.retrievers["described"]
        described = Stage.model_validate({**described.model_dump(), "content": {"text": stage}})
        model, settings = resolve(Retriever, described, "described")
        fitted: Sequence = model.fit(settings, past, judge, run)
        own_models: dict[str, Retriever[Any]] = dict(_standing(f"{name}: described", fitted, past))
        towers = TwoTower.settings_type.model_validate({"content": {"text": stage}})
        own_models[f"{name}: two towers"] = TwoTower.fit(towers, past, judge, run)
        lists |= {key: one.retrieve(asked.queries, DEPTH) for key, one in own_models.items()}
        models |= own_models
    return lists, models


def _standing(name: str, model: Sequence, past: Dataset) -> Iterator[tuple[str, Sequence]]:
    """A network as it is, and over the same weights with guesses for what has no events."""
    yield name, model
    for length in STANDING:
        settings = model.settings.model_copy(update={"standing": length})
        yield f"{name}, standing {length:g}", Sequence(settings, model.state).guessing(past)


def _warmer(
    dataset: Dataset, model: Retriever[Any], cold: Bools, asked: Asked, known: Asked
) -> list[tuple[Floats, Floats]]:
    """Recall of cold and of other items, with nothing told and with each of `TOLD`."""
    told = (model, *(model.learn(*_lessons(dataset, cold, most)) for most in TOLD))
    return [
        (
            _recall(dataset, one.retrieve(asked.queries, DEPTH), asked),
            _recall(dataset, one.retrieve(known.queries, DEPTH), known),
        )
        for one in told
    ]


def _lessons(dataset: Dataset, cold: Bools, most: int) -> tuple[Queries, Int32s, Int8s]:
    """The first events of each cold item in training, as the service tells them."""
    past = dataset.before(Part.VALIDATION)
    order = np.lexsort((past.time, past.item))
    order = order[cold[past.item[order]]]
    number = np.arange(len(order)) - np.searchsorted(past.item[order], past.item[order])
    first = order[number < most]
    first = first[np.argsort(past.time[first], kind="stable")]
    start = past.offsets[past.user[first]]
    history = past.history.select(spans(start, first), first - start)
    queries = Queries.of(past.user[first], past.time[first], history)
    return queries, past.item[first], past.kind[first]


def _described(shop: Shop) -> dict[str, Any]:
    """The encoder of texts of the default configuration."""
    text: dict[str, Any] = shop.config.retrievers["described"].own["content"]["text"]
    return text


def nearest(vectors: Floats, queries: Queries) -> Floats:
    """[queries, items] the cosine with the mean of the past, the newest events counting most."""
    history = queries.history
    weight = RECENCY ** history.ages.astype(np.float32)
    past = np.zeros((len(queries), vectors.shape[1]), np.float32)
    np.add.at(past, history.rows, weight[:, None] * vectors[history.items])
    return past @ vectors.T


if __name__ == "__main__":
    main()
