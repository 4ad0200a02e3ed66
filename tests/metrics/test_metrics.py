"""Each metric against a few lines of plain Python, on lists with ties, gaps and empty rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap import metrics
from endcap.types import Ragged, Ranking
from tests.shops import catalogue, ranking

ITEMS = 8
CATEGORIES = (0, 1, 1, 2, 2, 2, 3, 0)
POPULARITY = (1.0, 0.75, 0.5, 0.5, 0.25, 0.25, 0.0, 0.0)

GOODS = catalogue(
    ITEMS, categories=CATEGORIES, features={"events": np.array(POPULARITY, np.float32)}
)

Row = tuple[int, float]
"""An item and its score."""


@st.composite
def judged(draw: st.DrawFn) -> tuple[list[list[Row]], list[list[int]], int]:
    """Lists of scored items, what should have been found, and k."""
    queries = draw(st.integers(1, 4))
    items = st.lists(st.integers(0, ITEMS - 1), unique=True)
    lists, truth = [], []
    for _ in range(queries):
        row = [(item, float(draw(st.integers(0, 3)))) for item in draw(items)]
        lists.append(sorted(row, key=lambda one: (-one[1], one[0])))
        truth.append(sorted(draw(items)))
    return lists, truth, draw(st.integers(1, ITEMS + 2))


def places(row: list[Row]) -> dict[int, int]:
    """The place of each item when it stands behind all that score the same."""
    return {item: sum(other >= score for _, other in row) for item, score in row}


def hits(row: list[Row], truth: list[int], k: int) -> list[int]:
    """Places of what was found among the first k, best first."""
    return sorted(place for item, place in places(row).items() if item in truth and place <= k)


def discounted(places: list[int]) -> float:
    return sum(1 / math.log2(place + 1) for place in places)


def average(found: list[int], truth: list[int], k: int) -> float:
    return sum(n / place for n, place in enumerate(found, 1)) / min(k, len(truth))


ACCURACY: dict[str, Callable[[list[int], list[int], int], float]] = {
    "hit_rate": lambda found, truth, k: float(bool(found)),
    "recall": lambda found, truth, k: len(found) / len(truth),
    "precision": lambda found, truth, k: len(found) / k,
    "mrr": lambda found, truth, k: 1 / found[0] if found else 0.0,
    "ndcg": lambda found, truth, k: (
        discounted(found) / discounted(list(range(1, min(k, len(truth)) + 1)))
    ),
    "average_precision": average,
}


def diverse(shown: list[int]) -> float:
    pairs = list(combinations(shown, 2))
    same = [CATEGORIES[a] == CATEGORIES[b] != 0 for a, b in pairs]
    return 1 - sum(same) / len(pairs) if pairs else math.nan


def novel(shown: list[int]) -> float:
    return sum(1 - POPULARITY[item] for item in shown) / len(shown) if shown else math.nan


def uneven(shown: list[int]) -> float:
    """Mean difference of all pairs of items, by twice the mean."""
    counts = [shown.count(item) for item in range(ITEMS)]
    gaps = sum(abs(a - b) for a in counts for b in counts)
    return gaps / (2 * ITEMS * sum(counts)) if shown else math.nan


EACH: dict[str, Callable[[list[int]], float]] = {"diversity": diverse, "novelty": novel}

ALL: dict[str, Callable[[list[int]], float]] = {
    "gini": uneven,
    "coverage": lambda shown: len(set(shown)) / ITEMS,
}


def of(lists: list[list[Row]]) -> Ranking:
    return ranking(
        *([item for item, _ in row] for row in lists),
        scores=[[score for _, score in row] for row in lists],
    )


def test_every_metric_is_verified_here() -> None:
    assert set(metrics.every()) == {*ACCURACY, *EACH, *ALL}


@pytest.mark.parametrize("name", ACCURACY)
@given(case=judged())
def test_accuracy(name: str, case: tuple[list[list[Row]], list[list[int]], int]) -> None:
    lists, truth, k = case
    found = metrics.every()[name](of(lists), Ragged.of(truth), GOODS, k)
    expected = [
        ACCURACY[name](hits(row, right, k), right, k) if right else math.nan
        for row, right in zip(lists, truth, strict=True)
    ]
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-5)


@pytest.mark.parametrize("name", EACH)
@given(case=judged())
def test_of_each_list(name: str, case: tuple[list[list[Row]], list[list[int]], int]) -> None:
    lists, truth, k = case
    found = metrics.every()[name](of(lists), Ragged.of(truth), GOODS, k)
    expected = [EACH[name]([item for item, _ in row[:k]]) for row in lists]
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
@given(case=judged())
def test_of_all_lists(name: str, case: tuple[list[list[Row]], list[list[int]], int]) -> None:
    lists, truth, k = case
    found = metrics.every()[name](of(lists), Ragged.of(truth), GOODS, k)
    shown = [item for row in lists for item, _ in row[:k]]
    np.testing.assert_allclose(found, np.array([ALL[name](shown)]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACCURACY)
@given(case=judged())
def test_breaking_ties_never_makes_it_worse(
    name: str, case: tuple[list[list[Row]], list[list[int]], int]
) -> None:
    """A system gains nothing by giving many items one score."""
    lists, truth, k = case
    metric, right = metrics.every()[name], Ragged.of(truth)
    tied = metric(of(lists), right, GOODS, k)
    broken = [[(item, -float(place)) for place, (item, _) in enumerate(row)] for row in lists]
    untied = metric(of(broken), right, GOODS, k)
    assert np.all((tied <= untied + 1e-6) | np.isnan(tied))


@pytest.mark.parametrize("name", metrics.every())
@given(case=judged())
def test_promises_of_every_metric(
    name: str, case: tuple[list[list[Row]], list[list[int]], int]
) -> None:
    """One number for each query or one for all, from 0 to 1, blind to what stands below k."""
    lists, truth, k = case
    metric, right = metrics.every()[name], Ragged.of(truth)
    found = metric(of(lists), right, GOODS, k)
    assert found.shape in {(len(truth),), (1,)}
    assert found.dtype == np.float32
    known = found[~np.isnan(found)]
    assert np.all((known >= -1e-6) & (known <= 1 + 1e-6))
    places_of = of(lists).worst_places
    edge = of(lists).keep(places_of <= k)
    if len(edge) == len(of(lists).top(k)):  # No tie across the edge.
        np.testing.assert_array_equal(metric(edge, right, GOODS, k), found)


@pytest.mark.parametrize("name", metrics.every())
def test_no_lists_at_all(name: str) -> None:
    nothing = Ranking(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    found = metrics.every()[name](nothing, Ragged.of([[1], []]), GOODS, 5)
    assert np.isnan(found[-1]) or found[-1] == 0


def test_the_perfect_list_has_full_marks() -> None:
    truth = Ragged.of([[0, 1, 2]])
    for name in ("recall", "precision", "ndcg", "mrr", "average_precision", "hit_rate"):
        assert metrics.every()[name](ranking([2, 0, 1]), truth, GOODS, 3) == 1
