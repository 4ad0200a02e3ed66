"""What is known of the items: their ids, their attributes as arrays, and their features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.tables.filters import Columns, mask
from endcap.tables.labels import Labels
from endcap.tables.markets import MARKET, Prices
from endcap.tables.schema import AVAILABILITY, ITEMS, TRIPLES
from endcap.types import Bools, Floats, Int8s, Int32s, Int64s

NEVER = np.iinfo(np.int64).max

MASKS = 64
"""Filters whose masks are kept, a byte an item each."""

READ = 10_000
"""Rows that are Python objects at once."""


def each(items: pa.Table, columns: Iterable[str]) -> Iterator[dict[str, Any]]:
    """For each item what these columns say, as far as the table has them.

    >>> list(each(pa.table({"item_id": ["a"], "title": ["Mug"]}), ["title", "tags"]))
    [{'title': 'Mug'}]
    """
    known = items.select([name for name in columns if name in items.column_names])
    for batch in known.to_batches(max_chunksize=READ):
        yield from batch.to_pylist()


@dataclass(frozen=True)
class Catalogue:
    """All items, in the order of their codes.

    table: the columns of `endcap.tables.schema.ITEMS`, and `category`, `department` and
        `brand_code` (int32; 0 where the item has none).
    features: one column a feature, each from 0 to 1, as known at the moment the catalogue
        stands for.
    triples: facts about items and other things, the columns of `endcap.tables.schema.TRIPLES`.
    """

    table: pa.Table
    features: pa.Table
    triples: pa.Table = field(default_factory=TRIPLES.empty_table)

    @classmethod
    def load(cls, items: Path, features: Path) -> Catalogue:
        """The facts are in `triples.parquet` beside the items, where there are any."""
        facts = items.with_name("triples.parquet")
        own = pq.read_table(facts) if facts.exists() else TRIPLES.empty_table()
        return cls(pq.read_table(items), pq.read_table(features), own)

    @classmethod
    def of(cls, columns: Mapping[str, Any], features: Mapping[str, Any] | None = None) -> Catalogue:
        """A catalogue with only these columns: enough for an example.

        >>> Catalogue.of({"item_id": ["a", "b"]}).code("b")
        1
        """
        return cls(pa.table(dict(columns)), pa.table(dict(features or {})))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.table, folder / "items.parquet", compression="zstd")
        pq.write_table(self.features, folder / "features.parquet", compression="zstd")
        if len(self.triples):
            pq.write_table(self.triples, folder / "triples.parquet", compression="zstd")

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """What `save` wrote."""
        return cls.load(folder / "items.parquet", folder / "features.parquet")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def id_column(self) -> pa.ChunkedArray:
        return self.table["item_id"]

    @cached_property
    def ids(self) -> list[str]:
        return list(self.id_column.to_pylist())

    def named(self, codes: Int32s) -> list[str]:
        """The ids of some items. To say them from `ids` would count who holds each, and so copy
        what processes have in common."""
        found: list[str] = self._names.take(pa.array(codes)).to_numpy(zero_copy_only=False).tolist()
        return found

    @cached_property
    def _names(self) -> pa.Array:
        return self.id_column.combine_chunks()

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {id_: code for code, id_ in enumerate(self.ids)}

    def code(self, item_id: str) -> int | None:
        return self._codes.get(item_id)

    def codes(self, item_ids: Iterable[str]) -> Int32s:
        """The codes of those ids that are known, in their order."""
        found = (self.code(id_) for id_ in item_ids)
        return np.array([code for code in found if code is not None], np.int32)

    def codes_in(self, other: Catalogue) -> Int32s:
        """[items] the code of each item in another catalogue, −1 where it has none there."""
        if self.id_column.equals(other.id_column):
            return np.arange(len(self), dtype=np.int32)
        codes = (other.code(id_) for id_ in self.ids)
        return np.array([-1 if code is None else code for code in codes], np.int32)

    @property
    def gone(self) -> Bools | None:
        """[items] which are no longer for sale at all; None where none is known to be so."""
        return None

    @property
    def new(self) -> Int32s:
        """The codes of items that came since models learned of the others, in that order."""
        return np.zeros(0, np.int32)

    @cached_property
    def category(self) -> Int32s:
        """[items] the finest category's code, 0 for none."""
        return self._ints("category")

    @cached_property
    def department(self) -> Int32s:
        """[items] the code of the category's root, 0 for none."""
        return self._ints("department")

    @cached_property
    def brand(self) -> Int32s:
        return self._ints("brand_code")

    @cached_property
    def price(self) -> Floats:
        """[items] in the shop's currency, NaN where unknown."""
        return self._money("price")

    @cached_property
    def sale_price(self) -> Floats:
        """[items] what is asked instead for now, NaN where nothing is."""
        return self._money("sale_price")

    @cached_property
    def price_place(self) -> Floats:
        """[items] from 0 for the cheapest of its category to 1 for the dearest, 0 where it is the
        only one; NaN without a price or a category."""
        place = np.full(len(self), np.nan, np.float32)
        known = np.flatnonzero((self.price > 0) & (self.category > 0))
        known = known[np.lexsort((self.price[known], self.category[known]))]
        category, price = self.category[known], self.price[known]
        first = np.searchsorted(category, category, side="left")
        size = np.searchsorted(category, category, side="right") - first
        begins = np.r_[True, (np.diff(category) != 0) | (np.diff(price) != 0)][: len(known)]
        equal = np.maximum.accumulate(np.where(begins, np.arange(len(known)), 0))
        place[known] = (equal - first) / np.maximum(size - 1, 1)
        return place

    @cached_property
    def availability(self) -> Int8s:
        """[items] place in `AVAILABILITY`, −1 where unknown."""
        names = self.table["availability"].cast(pa.string())
        places = pc.index_in(names, pa.array(AVAILABILITY))
        return np.asarray(pc.fill_null(places, -1).to_numpy(), np.int8)

    @cached_property
    def created_at(self) -> Int64s:
        return self._times("created_at", 0)

    @cached_property
    def expires_at(self) -> Int64s:
        return self._times("expires_at", int(NEVER))

    @cached_property
    def labels(self) -> Labels:
        """The names of categories, departments and brands."""
        return Labels.of(self.table)

    @cached_property
    def attributes(self) -> Columns:
        """What a filter may speak of."""
        return Columns(self.table)

    def meets(self, text: str) -> Bools:
        """[items] whether each meets a filter: see `endcap.tables.filters`. Raises FilterError."""
        return self._meets(text)

    @cached_property
    def _meets(self) -> Callable[[str], Bools]:
        return lru_cache(MASKS)(partial(mask, self.attributes))

    @cached_property
    def markets(self) -> frozenset[str]:
        """Those that items have prices for."""
        return frozenset(self._prices.markets)

    @cached_property
    def sold(self) -> Bools:
        """[items] which have a price in the market that the catalogue is seen from; all, where it
        is seen from none."""
        if MARKET not in self.table.column_names:
            return np.ones(len(self), np.bool_)
        return np.asarray(self.table[MARKET].is_valid().to_numpy(), np.bool_)

    def in_market(self, market: str) -> Catalogue:
        """The same items with the prices of a market: see `endcap.tables.markets`."""
        if market not in self._seen:
            table = self._prices.seen(self.table, market)
            self._seen[market] = Catalogue(table, self.features, self.triples)
        return self._seen[market]

    @cached_property
    def _prices(self) -> Prices:
        return Prices.of(self.table)

    @cached_property
    def _seen(self) -> dict[str, Catalogue]:
        return {}

    @cached_property
    def feature_matrix(self) -> Floats:
        """[items, features]"""
        columns = [column.to_numpy() for column in self.features.columns]
        return np.stack(columns, axis=1).astype(np.float32)

    def feature(self, name: str) -> Floats:
        """[items] one feature."""
        return np.asarray(self.features[name].to_numpy(), np.float32)

    def describe(self, codes: Iterable[int], fields: Iterable[str]) -> list[dict[str, Any]]:
        """Some columns of some items, for people."""
        columns = list(fields)
        rows: list[dict[str, Any]] = (
            self.table.select(columns).take(pa.array(codes, pa.int64())).to_pylist()
        )
        return rows

    def some(self, codes: Iterable[int]) -> Catalogue:
        """Some items alone, in the order of the codes, without what prepare made of them."""
        columns = pa.schema([column.with_nullable(True) for column in ITEMS])
        rows = self.describe(codes, ITEMS.names)
        return Catalogue(pa.Table.from_pylist(rows, columns), pa.table({}), self.triples)

    def _money(self, name: str) -> Floats:
        return np.asarray(self.table[name].to_numpy(zero_copy_only=False), np.float32)

    def _ints(self, name: str) -> Int32s:
        return np.asarray(self.table[name].to_numpy(), np.int32)

    def _times(self, name: str, missing: int) -> NDArray[np.int64]:
        return np.asarray(self.table[name].fill_null(missing).to_numpy(), np.int64)
