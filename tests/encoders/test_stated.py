"""Attributes and prices: what each place of a vector says is known by thought."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.content.telling import Read, Telling
from endcap.encoders.attributes import Attributes
from endcap.encoders.price import Price
from endcap.stages import Run
from tests.contents import fitting, goods, nearest

HALF = 0.5**0.5


def attributes(rows: list[dict[str, Any]], **settings: Any) -> Attributes:
    return Attributes.fit(fitting(Attributes, **settings), goods(rows), Run())


def said(model: Attributes | Price, *rows: dict[str, Any]) -> Any:
    return model.encode(goods(rows)).vectors.round(3).tolist()


def test_labels_have_a_place_each_and_columns_say_whether_they_are_stated() -> None:
    rows = [{"attributes": {"colour": one}} for one in (["red", "blue"], "Red ", "blue", "green")]
    model = attributes([*rows, {}])
    assert said(model, *rows, {}) == [
        [1.0, pytest.approx(HALF, abs=1e-3), pytest.approx(HALF, abs=1e-3)],
        [1.0, 0.0, 1.0],
        [1.0, 1.0, 0.0],
        [1.0, 0.0, 0.0],  # a colour that only one has
        [0.0, 0.0, 0.0],
    ]


def test_numbers_are_in_deviations_from_the_mean() -> None:
    model = attributes([{"attributes": {"grams": one}} for one in (10, 20, 30)])
    rows = [{"attributes": {"grams": one}} for one in (20, 30, 10**9)]
    found = said(model, *rows, {"attributes": {"grams": None}})
    assert found == [[1, 0], [1, pytest.approx(1.5**0.5, abs=1e-3)], [1, 10], [0, 0]]


def test_odd_values_are_no_error() -> None:
    odd: list[Any] = [
        {"a": {"b": 1}}, {"a": [None, ["x"]]}, {"a": True}, {"a": "真"}, [1, 2], "no JSON",
        {"a": 1e400}, {"a": 1},
    ]  # fmt: skip
    rows = [{"attributes": one} for one in odd]
    rows[4]["attributes"], rows[6]["attributes"] = "[1, 2]", '{"a": 1e400}'
    model = attributes(rows, support=1)
    assert np.isfinite(model.encode(goods(rows)).vectors).all()
    assert model.encode(goods(rows)).known.tolist() == [
        False, False, True, True, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "odd", ["1" + "0" * 400, "1e308", "-1e200", '"\\ud800"', '{"a":' * 50_000 + "1"]
)
def test_what_no_number_and_no_text_can_be_is_not_read(odd: str) -> None:
    rows = [{"attributes": f'{{"a": {one}}}'} for one in (odd, odd, "1", "2")]
    model = attributes(rows)
    assert said(model, *rows) == [[0, 0], [0, 0], [1, -1], [1, 1]]


def test_categories_count_with_all_above_them() -> None:
    paths = ["Home > Lamps", "Home>Lamps", "Home > Rugs", "Home > Rugs", "Wear", "Wear"]
    rows = [{"categories": [path]} for path in paths]
    found = attributes(rows).encode(goods([*rows, {"categories": ["Home > Chairs"]}])).vectors
    assert nearest(found[:6]) == [1, 0, 3, 2, 5, 4]
    assert (found @ found[6])[:6].argmin() == 4


def test_no_more_labels_than_allowed_the_commonest_first() -> None:
    rows = [{"brand": f"b{n // 3}"} for n in range(12)] + [{"brand": "top"}] * 4
    model = attributes(rows, labels=2)
    assert said(model, {"brand": "TOP"}, {"brand": "b0"}, {"brand": "b3"}) == [
        [1, 1, 0], [1, 0, 1], [1, 0, 0],
    ]  # fmt: skip


def shelf(path: str, *prices: float) -> list[dict[str, Any]]:
    return [{"price": price, "categories": [path]} for price in prices]


def price(rows: list[dict[str, Any]], **settings: Any) -> Price:
    return Price.fit(fitting(Price, **settings), goods(rows), Run())


def test_a_price_is_dear_or_cheap_for_its_category() -> None:
    rows = shelf("Wine", *range(10, 21)) + shelf("Bread", *np.arange(1.0, 2.1, 0.1))
    model = price(rows)
    found = said(model, *shelf("Wine", 10, 15, 20, 99), *shelf("Bread", 2.0), *shelf("Fish", 5.0))
    places = [row[1] for row in found]
    assert places[0] == pytest.approx(-1, abs=0.05)
    assert places[1] == pytest.approx(0, abs=0.05)
    assert places[2] == pytest.approx(1, abs=0.05)
    assert places[3] == 1
    assert places[4] == pytest.approx(1, abs=0.05)
    assert places[5] == pytest.approx(0, abs=0.1)  # among all
    assert found[4][0] < found[5][0] < found[0][0] < found[1][0] < found[2][0] < found[3][0]


def test_a_small_category_is_judged_with_the_one_above() -> None:
    rows = (
        shelf("Drink > Wine", *range(1, 12)) + shelf("Drink > Rum", 12) + shelf("Food", *[1.0] * 40)
    )
    alone = said(price(rows, support=1), *shelf("Drink > Rum", 12))
    above = said(price(rows, support=5), *shelf("Drink > Rum", 12))
    assert alone[0][1] == 0
    assert above[0][1] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("value", [None, 0.0, -3.0, float("nan"), float("inf")])
def test_what_is_no_price_is_unknown(value: float | None) -> None:
    model = price(shelf("Wine", 1, 2, 3))
    found = model.encode(goods([{"price": value, "categories": ["Wine"]}]))
    assert not found.known.any()
    assert not found.vectors.any()


def test_all_prices_may_be_the_same_or_missing() -> None:
    assert said(price(shelf("Wine", 5, 5, 5)), *shelf("Wine", 5)) == [[0, 0]]
    assert np.isfinite(said(price([{}, {}]), *shelf("Wine", 5))).all()


def test_a_list_of_categories_may_hold_nothing() -> None:
    rows = [
        {"price": 1.0, "categories": [None, "Home"], "tags": [None]},
        {"price": 2.0, "categories": ["", " > "], "tags": ["", "a"]},
        {"price": 3.0, "categories": ["Home > > Lamps"], "tags": ["a"]},
    ]
    model = attributes(rows, support=1)
    assert model.encode(goods(rows)).known.tolist() == [True, True, True]
    assert np.isfinite(price(rows).encode(goods(rows)).vectors).all()
    _, weights = Telling.fit(Read(), goods(rows).table)
    assert np.diff(weights.indptr).tolist() == [1, 1, 2]  # home; a; both
