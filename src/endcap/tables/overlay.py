"""A catalogue of a release in which items have changed, come and gone since.

What changed is few beside what did not. So nothing of the whole is made again: the arrays of the
release are copied and the changed places written over, and a filter is asked of the changed rows
alone, as its answer depends on each item by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endcap.errors import FilterError
from endcap.tables.catalogue import MASKS, Catalogue
from endcap.tables.filters import Columns, mask
from endcap.tables.labels import Labels
from endcap.tables.markets import MARKET, Prices
from endcap.tables.schema import ITEMS
from endcap.types import Bools, Floats, Int32s, Int64s

A = TypeVar("A", bound=NDArray[Any])

PIECES = 128
"""Changes that are kept one by one before they are joined."""

GONE = "gone"
"""The column of the changed rows that says whether the item was taken out of the catalogue."""

ROWS = pa.schema([*(field.with_nullable(True) for field in ITEMS), pa.field(GONE, pa.bool_())])


def _column(name: str) -> Any:
    """[items] a column of the base, with what was changed written over."""
    return cached_property(
        lambda over: over._patched(getattr(over.base, name), getattr(over._small, name))
    )


class Overlay(Catalogue):
    """The items of `base` under their codes, then those that came since, in the order of coming.

    rows: what was changed, the latest last, with the columns of `ROWS`.
    codes: [rows] of the items; those from len(base) on came since.
    came: their ids.
    """

    def __init__(
        self, base: Catalogue, rows: pa.Table, codes: Int32s, came: Sequence[str] = ()
    ) -> None:
        values = {"base": base, "rows": rows, "_changed": codes, "came": tuple(came)}
        vars(self).update(values, triples=base.triples)

    base: Catalogue
    rows: pa.Table
    _changed: Int32s
    came: tuple[str, ...]

    @classmethod
    def over(cls, base: Catalogue) -> Overlay:
        """Nothing has changed yet."""
        return cls(base, ROWS.empty_table(), np.zeros(0, np.int32))

    def changed(self, rows: Sequence[Mapping[str, Any]]) -> Overlay:
        """After more changes: whole items, each with `gone`."""
        if not rows:
            return self
        new = [
            id_ for id_ in dict.fromkeys(row["item_id"] for row in rows) if self.code(id_) is None
        ]
        came = (*self.came, *new)
        places = {id_: len(self) + place for place, id_ in enumerate(new)}
        codes = [places.get(row["item_id"], self.code(row["item_id"])) for row in rows]
        table = pa.concat_tables([self.rows, pa.Table.from_pylist(list(rows), ROWS)])
        after = Overlay(
            self.base, *_joined(table, np.r_[self._changed, np.array(codes, np.int32)]), came
        )
        return after if new else self._given_on(after)

    @property
    def new(self) -> Int32s:
        return np.arange(len(self.base), len(self), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.base) + len(self.came)

    @property
    def id_column(self) -> pa.ChunkedArray:
        base = self.base.id_column
        return pa.chunked_array([*base.chunks, pa.array(self.came, base.type)])

    @cached_property
    def ids(self) -> list[str]:
        return [*self.base.ids, *self.came] if self.came else self.base.ids

    def named(self, codes: Int32s) -> list[str]:
        came = codes >= len(self.base)
        if not came.any():
            return self.base.named(codes)
        names = np.empty(len(codes), np.object_)
        names[~came] = self.base.named(codes[~came])
        names[came] = [self.came[place] for place in (codes[came] - len(self.base)).tolist()]
        found: list[str] = names.tolist()
        return found

    @cached_property
    def _own(self) -> dict[str, int]:
        return {id_: len(self.base) + place for place, id_ in enumerate(self.came)}

    def code(self, item_id: str) -> int | None:
        found = self.base.code(item_id)
        return self._own.get(item_id) if found is None else found

    @cached_property
    def table(self) -> pa.Table:
        """All rows, made only for what can't do with less."""
        columns = {name: getattr(self, own) for name, own in _CODED.items()}
        names = [name for name in self.rows.column_names if name != GONE]
        rows = self.rows.select(names)
        whole = pa.concat_tables([self.base.table.select(names).cast(rows.schema), rows])
        at = np.where(self._row >= 0, len(self.base) + self._row, np.arange(len(self)))
        return _with_codes(whole.take(pa.array(at)), columns)

    @cached_property
    def features(self) -> pa.Table:
        columns = dict(zip(self.base.features.column_names, self.feature_matrix.T, strict=True))
        return pa.table(columns)

    @cached_property
    def markets(self) -> frozenset[str]:
        return self.base.markets | self._prices.markets.keys()

    @cached_property
    def sold(self) -> Bools:
        here = self.rows[MARKET].is_valid() if MARKET in self.rows.column_names else True
        return self._patched(self.base.sold, here)

    def in_market(self, market: str) -> Overlay:
        """As few a row as has changed is read; the base's view stays as long as the base."""
        rows = self._prices.seen(self.rows, market)
        return self._given_on(Overlay(self.base.in_market(market), rows, self._changed, self.came))

    def _given_on(self, other: Overlay) -> Overlay:
        """Another of the same items: what grows with the catalogue need not be made again."""
        vars(other).update({name: vars(self)[name] for name in _OF_IDS if name in vars(self)})
        return other

    @cached_property
    def _prices(self) -> Prices:
        return Prices.of(self.rows)

    @cached_property
    def gone(self) -> Bools | None:
        """[items] which were taken out; None where none was."""
        found = self._patched(np.zeros(len(self.base), np.bool_), self.rows[GONE])
        return found if found.any() else None

    category = _column("category")
    department = _column("department")
    brand = _column("brand")
    price = _column("price")
    sale_price = _column("sale_price")
    availability = _column("availability")
    created_at = _column("created_at")
    expires_at = _column("expires_at")

    @property
    def labels(self) -> Labels:
        """Those of the base: a name that came since has a code, and nothing was learned of it."""
        return self.base.labels

    @cached_property
    def _meets(self) -> Callable[[str], Bools]:
        return lru_cache(MASKS)(self._filtered)

    def _filtered(self, text: str) -> Bools:
        known = self.base.attributes.own
        try:
            old = self.base.meets(text)
        except FilterError:  # it may speak of what only a changed item has
            return mask(self.attributes, text)
        kinds = {name: column.kind for name, column in known.items()}
        met = self._patched(old, mask(Columns(self.rows, kinds), text))
        met.flags.writeable = False
        return met

    @cached_property
    def feature_matrix(self) -> Floats:
        """Of an item that came since, as of one that nobody has seen: its price is known."""
        old = self.base.feature_matrix
        if not self.came:
            return old
        new = np.zeros((len(self.came), old.shape[1]), np.float32)
        names, price = self.base.features.column_names, self.price[len(self.base) :]
        known = np.isfinite(price) & (price > 0)
        for name, values in (("price", self._scaled(price)), ("has_price", np.ones(len(price)))):
            if name in names:
                new[known, names.index(name)] = values[known]
        return np.vstack([old, new])

    def feature(self, name: str) -> Floats:
        return np.asarray(self.feature_matrix[:, self.base.features.column_names.index(name)])

    def describe(self, codes: Iterable[int], fields: Iterable[str]) -> list[dict[str, Any]]:
        columns, asked = list(fields), np.fromiter(codes, np.int64)
        at = self._row[asked]
        old = iter(self.base.describe(asked[at < 0], columns))
        new = iter(self.rows.select(columns).take(pa.array(at[at >= 0])).to_pylist())
        return [next(old) if row < 0 else next(new) for row in at]

    @cached_property
    def _row(self) -> Int64s:
        """[items] the row that holds an item as it is now, −1 where that is the base."""
        row = np.full(len(self), -1, np.int64)
        row[self._changed] = np.arange(len(self._changed))
        return row

    @cached_property
    def _small(self) -> Catalogue:
        """The changed rows alone."""
        return Catalogue(_with_codes(self.rows, self.base.labels.codes(self.rows)), pa.table({}))

    def _patched(self, old: A, rows: Any) -> A:
        """[items] the base's values with those of the rows written over; the last one counts."""
        new = np.zeros(len(self), old.dtype)
        new[: len(self.base)] = old
        new[self._changed] = np.asarray(rows, old.dtype)
        return new  # type: ignore[return-value]

    def _scaled(self, price: Floats) -> Floats:
        """A price as the feature of that name has it, by those of the base."""
        old, feature = self.base.price, self.base.feature("price")
        order = np.argsort(old)
        order = order[np.isfinite(old[order])]
        if not len(order):
            return np.zeros_like(price)
        return np.interp(price, old[order], feature[order]).astype(np.float32)


_CODED = {"category": "category", "department": "department", "brand_code": "brand"}
"""Columns of codes, and the properties that hold them."""

_OF_IDS = ("ids", "_own", "feature_matrix")


def _with_codes(table: pa.Table, codes: Mapping[str, Int32s]) -> pa.Table:
    for name, values in codes.items():
        table = table.append_column(name, pa.array(values, pa.int32()))
    return table


def _joined(table: pa.Table, codes: Int32s) -> tuple[pa.Table, Int32s]:
    """The same changes, in one piece and without those that later ones outdate, once there are
    many pieces."""
    if table["item_id"].num_chunks <= PIECES:
        return table, codes
    _, last = np.unique(codes[::-1], return_index=True)
    kept = np.sort(len(codes) - 1 - last)
    return table.take(pa.array(kept)).combine_chunks(), codes[kept]
