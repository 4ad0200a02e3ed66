"""What a visitor's past says of an item, reckoned by hand."""

from __future__ import annotations

from math import exp, log, log1p, nan

import numpy as np
import pytest

from endcap.features.pair import HALF_LIFE_DAYS, Pair
from endcap.tables.catalogue import Catalogue
from endcap.tables.scene import Scene
from endcap.types import History, Queries, Ranking, offsets_of
from tests.shops import DAY, catalogue, queries, ranking

Features = dict[str, list[float]]


@pytest.fixture
def goods() -> Catalogue:
    """Items 0 and 1 are of one category and brand; 2 of another; 3 of none at all, and free."""
    return catalogue(
        4, categories=[1, 1, 3, 0], brands=[1, 1, 2, 0], prices=[10.0, 40.0, 20.0, 0.0]
    )


def asked(*rows: list[tuple[int, float]], moment: float = 100) -> Queries:
    """Questions at a day, of visitors who did (item, day)."""
    lengths = np.array([len(row) for row in rows])
    events = [event for row in rows for event in row]
    history = History(
        offsets_of(lengths),
        np.array([item for item, _ in events], np.int32),
        np.zeros(len(events), np.int8),
        np.array([round(day * DAY) for _, day in events], np.int64),
    )
    times = np.full(len(rows), round(moment * DAY), np.int64)
    return Queries.of(np.zeros(len(rows), np.int32), times, history)


def features(questions: Queries, lists: Ranking, goods: Catalogue) -> Features:
    found = Pair(Pair.settings_type(), {}).values(Scene(questions, lists, goods))
    assert {column.shape for column in found.values()} == {(len(lists),)}
    return {name: column.astype(np.float32).tolist() for name, column in found.items()}


def check(found: Features, expected: dict[str, list[float]]) -> None:
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, nan_ok=True, rel=1e-5, abs=1e-6), name


def faded(*days: float) -> float:
    return sum(2 ** (-day / HALF_LIFE_DAYS) for day in days)


def test_the_item_itself(goods: Catalogue) -> None:
    """Item 0 every ten days, item 1 once, item 2 never."""
    past = [(0, 70.0), (0, 80.0), (1, 85.0), (0, 90.0), (3, 99.0)]
    found = features(asked(past), ranking([0, 1, 2]), goods)
    check(
        found,
        {
            "item_times": [log1p(3), log1p(1), 0],
            "item_days_since": [10, 15, nan],
            "item_events_since": [log1p(1), log1p(2), nan],
            # Usually ten days lie between two times, and ten have gone by: it is due.
            "item_due": [1, nan, nan],
            "item_weight": [faded(30, 20, 10), faded(15), 0],
        },
    )


def test_what_shares_its_category_department_and_brand(goods: Catalogue) -> None:
    past = [(0, 70.0), (1, 90.0), (3, 95.0), (2, 98.0)]
    found = features(asked(past), ranking([0, 2]), goods)
    check(
        found,
        {
            "category_share": [2 / 4, 1 / 4],
            "category_days_since": [10, 2],
            "category_weight": [faded(30, 10), faded(2)],
            "department_share": [2 / 4, 1 / 4],
            "brand_share": [2 / 4, 1 / 4],
            "brand_days_since": [10, 2],
        },
    )


def test_the_price_by_the_usual_one(goods: Catalogue) -> None:
    """The usual price is the geometric mean; what costs nothing has no step, nor counts."""
    past = [(0, 70.0), (1, 90.0), (3, 95.0)]
    found = features(asked(past, [], [(3, 1.0)]), ranking([0, 1, 2, 3], [0], [1]), goods)
    usual = exp((log(10) + log(40)) / 2)
    steps = [log(10 / usual), log(40 / usual), log(20 / usual), nan, nan, nan]
    check(found, {"price_step": steps})


def test_visitors_are_kept_apart(goods: Catalogue) -> None:
    first, second = [(0, 50.0), (1, 60.0)], [(1, 10.0), (1, 99.0), (2, 99.5)]
    together = features(asked(first, [], second), ranking([0, 1], [1], [2, 1]), goods)
    parts = [
        features(asked(row), ranking(items), goods)
        for row, items in ((first, [0, 1]), ([], [1]), (second, [2, 1]))
    ]
    for name, values in together.items():
        alone = [value for part in parts for value in part[name]]
        assert values == pytest.approx(alone, nan_ok=True, rel=1e-6), name


def test_of_a_new_visitor_nothing_is_known(goods: Catalogue) -> None:
    found = features(asked([]), ranking([0, 3]), goods)
    for name, values in found.items():
        unknown = name.endswith(("_since", "_due", "_step"))
        assert values == pytest.approx([nan if unknown else 0] * 2, nan_ok=True), name


def test_two_times_at_one_moment_tell_no_rhythm(goods: Catalogue) -> None:
    check(features(asked([(0, 9.0), (0, 9.0)]), ranking([0]), goods), {"item_due": [nan]})


def test_no_candidates(goods: Catalogue) -> None:
    found = features(queries([0]), ranking([]), goods)
    assert set(map(len, found.values())) == {0}


def test_what_has_no_category_shares_none(goods: Catalogue) -> None:
    """Code 0 means unknown: two items of which nothing is known are not alike for it."""
    unknown = catalogue(2, categories=[0, 0], brands=[0, 0])
    found = features(asked([(0, 90.0)]), ranking([1]), unknown)
    check(found, {"category_share": [0], "category_weight": [0], "brand_days_since": [nan]})
