"""The events that a model names as reasons are those that its score hangs on.

They are held to it by the model itself: without them the score falls further than without as many
others, drawn by chance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from endcap.stages import Retriever
from endcap.types import History, Int32s, Queries, Ranking
from tests.contracts.found import RETRIEVERS, learned
from tests.shops import queries

ITEMS, TAKEN_OUT = 20, 3


@pytest.fixture(scope="module")
def visitors() -> Queries:
    """Each was mostly after one colour, and now and then after the other."""
    chance = np.random.default_rng(7)
    pasts = []
    for visitor in range(60):
        own = chance.random(8) < 0.6
        items = 2 * chance.integers(0, ITEMS // 2, 8) + np.where(own, visitor % 2, 1 - visitor % 2)
        pasts.append(items.tolist())
    return queries(*pasts)


@pytest.mark.parametrize("cls", RETRIEVERS, ids=lambda cls: cls.__name__)
def test_named_events_count_more_than_others(
    cls: type[Retriever[Any]], past: Any, visitors: Queries
) -> None:
    if cls.moved is Retriever.moved:
        pytest.skip("It names no events")
    model = learned(cls, past)
    first = model.retrieve(visitors, 1)
    named = model.moved(visitors, first)
    assert named is not None
    chance = np.random.default_rng(1)
    gained = []
    for row, query in enumerate(first.query.tolist()):
        ages = [push.age for push in named[row]][:TAKEN_OUT]
        length = int(visitors.history.lengths[query])
        others = np.setdiff1d(np.arange(length), ages)
        if len(ages) < TAKEN_OUT or len(others) < TAKEN_OUT:
            continue
        drawn = chance.choice(others, TAKEN_OUT, replace=False).tolist()
        asked, item = visitors.take(np.array([query])), int(first.item[row])
        lost = [_score(model, _without(asked, some), item) for some in (ages, drawn)]
        gained.append(lost[1] - lost[0])
    assert len(gained) >= 20, "else the comparison says nothing"
    mean, error = np.mean(gained), np.std(gained, ddof=1) / np.sqrt(len(gained))
    assert mean > 3 * error, f"{mean:.3f} ± {error:.3f}"


def _without(asked: Queries, ages: list[int]) -> Queries:
    history: History = asked.history
    return replace(asked, history=history.keep(~np.isin(history.ages, ages)))


def _score(model: Retriever[Any], asked: Queries, item: int) -> float:
    """By the list that anyone gets, and not by what the reasons were made of."""
    lists: Ranking = model.retrieve(asked, ITEMS)
    items: Int32s = lists.item
    return float(lists.score[items == item][0])
