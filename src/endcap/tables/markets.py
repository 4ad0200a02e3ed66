"""Prices by market: what an item costs depends on where it is sold.

An item says so below its attributes:

    "prices": {"de": {"price": 20, "currency": "EUR"}, "us": {"price": 25, "sale_price": 22}}

To a market the catalogue is one with its prices, under the names that prices always have. An item
that says nothing of markets has its one price in all of them. One that does, but not of this, has
none here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endcap.errors import FilterError
from endcap.tables.context import object_of
from endcap.tables.filters.syntax import Group, Name, Node, Test, Value, parse
from endcap.types import Int64s

PRICES = "prices"
"""The attribute that holds them."""

MARKET = "market"
"""The column of a market's catalogue that names it for each item that is sold there, and the name
in a request's context."""

ELSEWHERE = ""
"""Any market that no item names."""

LARGEST = 1 << 53
"""What a number of 64 bits holds exactly; nothing costs more."""

_COLUMNS = {"price": pa.float64(), "sale_price": pa.float64(), "currency": pa.string()}

Price: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Prices:
    """rows: [some] of a table of items, those that have prices by market, in order.
    markets: for each market the prices by row.
    """

    rows: Int64s
    markets: Mapping[str, Mapping[int, Price]]

    @classmethod
    def of(cls, table: pa.Table) -> Prices:
        """Those of a table of items, where it has attributes."""
        markets: defaultdict[str, dict[int, Price]] = defaultdict(dict)
        rows = []
        for row, text in _speaking(table):
            prices = prices_of(text)
            rows += [row] if prices else []
            for market, price in prices.items():
                markets[market][row] = price
        return cls(np.array(rows, np.int64), dict(markets))

    def seen(self, table: pa.Table, market: str) -> pa.Table:
        """The table as a market sees it."""
        here, mask = self.markets.get(market, {}), np.zeros(len(table), np.bool_)
        mask[self.rows] = True
        own = [here.get(row, {}) for row in self.rows.tolist()]
        for name, kind in _COLUMNS.items():
            values = pa.array([one.get(name) for one in own], kind)
            table = _replaced(table, name, kind, mask, values)
        sold = pa.array([market if one else None for one in own], pa.string())
        everywhere = pa.array([market] * len(table), pa.string())
        return table.append_column(MARKET, pc.replace_with_mask(everywhere, pa.array(mask), sold))


def prices_of(attributes: str | None) -> dict[str, Price]:
    """By market, from an item's attributes as they are stored; what is no price is left out.

    >>> prices_of('{"prices": {"DE": {"price": 20, "currency": "EUR"}, "us": "25"}}')
    {'de': {'price': 20, 'currency': 'EUR'}}
    """
    said = object_of(attributes).get(PRICES)
    found = said.items() if isinstance(said, dict) else ()
    return {known_as(name): price for name, price in found if _is_price(price)}


def known_as(market: str) -> str:
    """A market's name as it is compared: however it is written."""
    return market.strip().casefold()


def named(filter_: str | None) -> str | None:
    """The market that a filter asks for: `market == "de" and price < 20`. None where it asks for
    none, and where it is wrong, which whoever uses it will say."""
    try:
        return _named(parse(filter_)) if filter_ else None
    except FilterError:
        return None


def _named(node: Node) -> str | None:
    if isinstance(node, Group):
        parts = map(_named, node.parts) if node.word == "and" else iter(())
        return next((found for found in parts if found is not None), None)
    match node:
        case Test(Name(_, "market", None), "==", Value(_, str(market))):
            return market
        case Test(Value(_, str(market)), "==", Name(_, "market", None)):
            return market
    return None


def _is_price(price: Any) -> bool:
    if not isinstance(price, dict) or not price.keys() <= _COLUMNS.keys():
        return False
    numbers = (price.get("price"), price.get("sale_price") or 0.0)
    return all(map(_is_amount, numbers)) and isinstance(price.get("currency") or "", str)


def _is_amount(number: Any) -> bool:
    if not isinstance(number, int | float) or isinstance(number, bool):
        return False
    return abs(number) <= LARGEST


def _speaking(table: pa.Table) -> Iterator[tuple[int, str]]:
    """The rows whose attributes may speak of prices, found without reading all as JSON."""
    if "attributes" in table.column_names:
        texts = table["attributes"].cast(pa.string())
        may = pc.fill_null(pc.match_substring(texts, f'"{PRICES}"'), False)
        for row in np.flatnonzero(may.to_numpy()).tolist():
            yield row, texts[row].as_py()


def _replaced(
    table: pa.Table, name: str, kind: pa.DataType, mask: Any, values: pa.Array
) -> pa.Table:
    there = name in table.column_names
    old = table[name].cast(kind).combine_chunks() if there else pa.nulls(len(table), kind)
    new = pc.replace_with_mask(old, pa.array(mask), values)
    if not there:
        return table.append_column(name, new)
    return table.set_column(table.column_names.index(name), name, new)
