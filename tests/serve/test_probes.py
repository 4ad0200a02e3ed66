"""What a release must stand before it is served."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from endcap.config import Shop
from endcap.errors import ReleaseError
from endcap.experiment.batch import system
from endcap.recommender import Recommender
from endcap.serve.deadline import Deadline
from endcap.serve.probes import probe
from endcap.store.events import LiveEvents
from endcap.store.visitors import Visitors
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import Candidates, Queries, Ranking
from tests.serve.shops import NOW


@pytest.fixture(scope="module")
def known(shop: Shop) -> Iterator[tuple[Recommender, Visitors]]:
    dataset, recommender = Dataset.load(prepared(shop)), system(shop, "first")
    with closing(LiveEvents.open(shop.live)) as live:
        yield recommender, Visitors(dataset, recommender.catalogue, live, shop.config.events)


class Odd:
    """A retriever that does something to what another finds."""

    def __init__(self, of: Any, twist: Any) -> None:
        self.of, self.twist = of, twist

    def retrieve(self, queries: Queries, n: int) -> Any:
        return self.twist(self.of.retrieve(queries, n))


def twisted(recommender: Recommender, twist: Any) -> Recommender:
    """With all its retrievers odd."""
    odd: Any = {name: Odd(one, twist) for name, one in recommender.retrievers.items()}
    return replace(recommender, retrievers=odd)


def broken(found: Ranking) -> Ranking:
    raise ValueError("broken on purpose")


def test_a_good_one_stands_it(known: tuple[Recommender, Visitors]) -> None:
    recommender, visitors = known
    probe(recommender, visitors, NOW, 10.0)
    probe(recommender, replace(visitors, dataset=None), NOW, 10.0)


@pytest.mark.parametrize(
    ("twist", "said"),
    [
        (broken, "'popular' lists come"),
        (lambda found: found.keep(np.zeros(len(found), np.bool_)), "it has no items for anyone"),
    ],
)
def test_a_bad_one_does_not(known: tuple[Recommender, Visitors], twist: Any, said: str) -> None:
    recommender, visitors = known
    odd = twisted(recommender, twist)
    if said == "'popular' lists come":  # who answers then must not be odd
        odd = replace(
            odd, retrievers={**odd.retrievers, "popular": recommender.retrievers["popular"]}
        )
    with pytest.raises(ReleaseError, match=f"did not stand the test: .*{said}"):
        probe(odd, visitors, NOW, 10.0)


def test_scores_are_numbers(known: tuple[Recommender, Visitors]) -> None:
    class Odd:
        def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
            return candidates.ranking.weighed(np.full(len(candidates.ranking), np.nan, np.float32))

    recommender, visitors = known
    ranker: Any = Odd()
    with pytest.raises(ReleaseError, match="a score at 'home' is not a number"):
        probe(replace(recommender, ranker=ranker), visitors, NOW, 10.0)


def test_a_ranker_may_need_longer_at_first(known: tuple[Recommender, Visitors]) -> None:
    """It derives something from a large catalogue, or the machine is busy."""

    class Sleepy:
        def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
            time.sleep(0.02)
            return candidates.ranking

    recommender, visitors = known
    ranker: Any = Sleepy()
    probe(replace(recommender, ranker=ranker, within=Deadline(0.001)), visitors, NOW, 10.0)


def test_a_slow_one_does_not(known: tuple[Recommender, Visitors]) -> None:
    with pytest.raises(ReleaseError, match=r"half of its answers take .* of a processor or more"):
        probe(*known, NOW, 1e-9)
