"""What items cost in a market, as filters and rules see it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from endcap.rules.availability import Availability, Settings
from endcap.stages import ALONE
from endcap.tables.catalogue import Catalogue
from endcap.tables.markets import named, prices_of
from endcap.tables.overlay import Overlay
from endcap.tables.schema import ITEMS
from endcap.types import Floats

CODES = ("category", "department", "brand_code")


def priced(**markets: Any) -> str:
    return json.dumps({"prices": {m: {"price": p, "currency": "EUR"} for m, p in markets.items()}})


ROWS: list[dict[str, Any]] = [
    {"item_id": "all", "price": 10.0, "currency": "CNY"},
    {"item_id": "both", "price": 10.0, "currency": "CNY", "attributes": priced(de=20, us=30)},
    {"item_id": "us", "price": 10.0, "currency": "CNY", "attributes": priced(US=5)},
    {"item_id": "none", "attributes": '{"size": 4}'},
]


def floats(values: list[float]) -> Floats:
    return np.array(values, np.float32)


def rows(*given: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict.fromkeys(ITEMS.names) | row for row in given]


def shop() -> Catalogue:
    coded = {name: pa.array([0] * len(ROWS), pa.int32()) for name in CODES}
    table = pa.Table.from_pylist(rows(*ROWS), ITEMS)
    for name, values in coded.items():
        table = table.append_column(name, values)
    return Catalogue(table, pa.table({}))


def test_each_market_has_its_prices() -> None:
    found = shop()
    assert found.markets == {"de", "us"}
    german = found.in_market("de")
    np.testing.assert_array_equal(found.price, floats([10, 10, 10, np.nan]))
    np.testing.assert_array_equal(german.price, floats([10, 20, np.nan, np.nan]))
    np.testing.assert_array_equal(found.in_market("us").price, floats([10, 30, 5, np.nan]))
    assert german.table["currency"].to_pylist() == ["CNY", "EUR", None, None]
    assert german.sold.tolist() == [True, True, False, True]
    assert found.sold.all()
    assert found.in_market("de") is german


@pytest.mark.parametrize(
    ("market", "filter_", "met"),
    [
        ("de", "price < 15", ["all"]),
        ("us", "price < 15", ["all", "us"]),
        ("us", 'price < 15 and currency == "EUR"', ["us"]),
        ("de", 'market == "de"', ["all", "both", "none"]),
        ("", "price < 15", ["all"]),  # a market that no item names
        ("de", "not price < 15", ["both", "us", "none"]),
    ],
)
def test_filters_go_by_them(market: str, filter_: str, met: list[str]) -> None:
    found = shop()
    for catalogue in (found, Overlay.over(found)):
        mask = catalogue.in_market(market).meets(filter_)
        assert [catalogue.ids[code] for code in np.flatnonzero(mask)] == met


def test_what_changed_counts() -> None:
    over = Overlay.over(shop()).changed(
        [
            {**row, "gone": False}
            for row in rows(
                {"item_id": "us", "price": 10.0, "attributes": priced(de=7)},
                {"item_id": "new", "attributes": priced(fr=1)},
            )
        ]
    )
    assert over.markets == {"de", "us", "fr"}
    german = over.in_market("de")
    np.testing.assert_array_equal(german.price, floats([10, 20, 7, np.nan, np.nan]))
    assert german.sold.tolist() == [True, True, True, True, False]
    assert german.meets("price < 15").tolist() == [True, False, True, False, False]
    [shown] = german.describe([2], ["price", "currency"])
    assert shown == {"price": 7.0, "currency": "EUR"}
    np.testing.assert_array_equal(
        over.in_market("fr").price, floats([10, np.nan, np.nan, np.nan, 1])
    )


def test_only_the_rule_says_that_what_has_no_price_here_is_not_for_sale() -> None:
    german = shop().in_market("de")
    for priced_, in_stock in ((False, [True] * 4), (True, [True, True, False, True])):
        rule = Availability.fit(Settings(priced=priced_), german, ALONE)
        assert rule.state["in_stock"].tolist() == in_stock


@pytest.mark.parametrize(
    ("text", "market"),
    [
        ('market == "de"', "de"),
        ('price < 20 and ("us" == market) and available', "us"),
        ('market == "de" or price < 20', None),
        ('not market == "de"', None),
        ('currency == "de"', None),
        ("market ==", None),
        (None, None),
    ],
)
def test_a_filter_names_a_market(text: str | None, market: str | None) -> None:
    assert named(text) == market


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[1]",
        '{"prices": 3}',
        '{"prices": {"de": 3}}',
        '{"prices": {"de": {"currency": "EUR"}}}',
        '{"prices": {"de": {"price": true}}}',
        '{"prices": {"de": {"price": 12345678901234567890}}}',
        '{"prices": {"de": {"price": 1, "worth": 2}}}',
    ],
)
def test_what_is_no_price_is_none(text: str | None) -> None:
    assert prices_of(text) == {}


def test_a_price_may_say_that_it_is_not_reduced() -> None:
    text = '{"prices": {" De": {"price": 1, "sale_price": null, "currency": null}}}'
    assert prices_of(text) == {"de": {"price": 1, "sale_price": None, "currency": None}}
