from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from endcap.rules.pins import Pins, Settings
from tests.rules.shelf import rule
from tests.shops import DAY, START, catalogue, queries, ranking

GOODS = catalogue(8, brand=["a", "b"] * 4)


def arranged(folder: Path, items: list[int], *pins: dict[str, Any]) -> list[int]:
    found = rule(Pins, folder, GOODS, pins=pins).apply(queries([]), ranking(items))
    return [int(item) for item in found.item]


def test_an_item_stands_at_its_place(tmp_path: Path) -> None:
    pin = {"item": "i5", "place": 2}
    assert arranged(tmp_path, [0, 1, 2, 5], pin) == [0, 5, 1, 2]
    assert arranged(tmp_path, [5, 1, 2, 3], pin) == [1, 5, 2, 3]
    assert arranged(tmp_path, [5], pin) == [5]
    assert arranged(tmp_path, [0, 1], pin) == [0, 1]


def test_several_stand_at_theirs(tmp_path: Path) -> None:
    pins = [{"item": "i7", "place": 3}, {"item": "i6", "place": 1}, {"item": "i5", "place": 3}]
    assert arranged(tmp_path, list(range(8)), *pins) == [6, 0, 7, 5, 1, 2, 3, 4]


def test_a_place_for_the_best_that_meets_a_filter(tmp_path: Path) -> None:
    pin = {"filter": 'brand == "b"', "place": 2}
    assert arranged(tmp_path, [0, 2, 4, 7, 1], pin) == [0, 7, 2, 4, 1]
    assert arranged(tmp_path, [1, 2, 3], pin) == [1, 3, 2]
    assert arranged(tmp_path, [0, 2, 4], pin) == [0, 2, 4]


def test_it_holds_from_the_first_day_to_the_last(tmp_path: Path) -> None:
    # START is noon of 13 September 2020, by UTC.
    pin = {"item": "i3", "place": 1, "since": "2020-09-14", "until": "2020-09-15"}
    pins = rule(Pins, tmp_path, GOODS, pins=[pin])
    halves = np.array([-1, 0, 1, 2, 4, 5, 6], np.int64)
    asked = replace(queries(*[[]] * len(halves)), times=START + halves * DAY // 2)
    found = pins.apply(asked, ranking(*[[0, 3]] * len(halves)))
    first = [int(found.of(query).item[0]) for query in range(len(halves))]
    assert first == [0, 0, 3, 3, 3, 0, 0]
    assert pins.wants(asked).lengths.tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_a_pinned_item_is_wanted_and_an_unknown_one_is_none(tmp_path: Path) -> None:
    pins = [
        {"item": "i5", "place": 1},
        {"item": "gone", "place": 1},
        {"filter": "available", "place": 2},
    ]
    assert rule(Pins, tmp_path, GOODS, pins=pins).wants(queries([])).values.tolist() == [5]


def test_a_pinned_item_stands_there_for_certain(tmp_path: Path) -> None:
    lists = replace(ranking([0, 1, 2]), propensity=np.array([0.9, 0.2, 1.0], np.float32))
    found = rule(Pins, tmp_path, GOODS, pins=[{"item": "i1", "place": 1}]).apply(queries([]), lists)
    assert found.item.tolist() == [1, 0, 2]
    assert found.chances.tolist() == pytest.approx([1, 0.9, 1])


def test_a_pin_is_of_one_thing_on_days_that_there_are() -> None:
    for wrong, said in (
        ({"place": 1}, "a pin needs an item or a filter, and not both"),
        ({"place": 1, "item": "a", "filter": "b"}, "a pin needs an item or a filter, and not both"),
        ({"place": 0, "item": "a"}, "greater than or equal to 1"),
        ({"place": 1, "item": "a", "until": "2020-02-30"}, "day is out of range"),
    ):
        with pytest.raises(ValidationError, match=said):
            Settings.model_validate({"pins": [wrong]})


PIN = st.fixed_dictionaries({"place": st.integers(1, 9), "item": st.sampled_from(["i1", "i6"])})
SLOT = st.fixed_dictionaries({"place": st.integers(1, 9), "filter": st.just('brand == "b"')})


@given(st.lists(PIN | SLOT, max_size=4), st.permutations(range(8)), st.integers(0, 8))
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost_and_twice_is_once(
    tmp_path_factory: pytest.TempPathFactory, pins: list[Any], items: list[int], length: int
) -> None:
    made = rule(Pins, tmp_path_factory.mktemp("pins"), GOODS, pins=pins)
    once = made.apply(queries([]), ranking(items[:length]))
    assert sorted(once.item.tolist()) == sorted(items[:length])
    twice = made.apply(queries([]), once)
    assert twice.item.tolist() == once.item.tolist()
