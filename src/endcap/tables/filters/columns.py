"""What a filter may speak of: the attributes of items, each of one kind."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from endcap.errors import FilterError
from endcap.tables.context import object_of
from endcap.tables.filters.syntax import Name
from endcap.tables.schema import AVAILABILITY, ITEMS, MONEY, TEXT, TIME

Kind: TypeAlias = Literal["text", "texts", "paths", "number", "truth", "moment", "choice", "any"]

OWN = "attributes"

_OF_TYPE: dict[pa.DataType, Kind] = {
    TEXT: "text",
    MONEY: "number",
    TIME: "moment",
    pa.list_(TEXT): "texts",
}

KINDS: MappingProxyType[str, Kind] = MappingProxyType(
    {
        **{field.name: _OF_TYPE[field.type] for field in ITEMS if field.name != OWN},
        "categories": "paths",
        "category": "paths",
        "market": "text",
        "availability": "choice",
        "available": "truth",
    }
)
"""The attributes of every item. `category` is another name of `categories`, for one who has one
category an item; what else a shop knows of its items is below `attributes`."""

CALLED: MappingProxyType[Kind, str] = MappingProxyType(
    {
        "text": "a text",
        "texts": "a list of texts",
        "paths": "a list of categories",
        "number": "a number",
        "truth": "true or false",
        "moment": "a moment",
        "choice": "a text",
        "any": "a value",
    }
)
"""The kinds, as people call them."""

LISTED = 20
"""Names that a message lists at most."""

_Values: TypeAlias = dict[int, Any]


@dataclass(frozen=True)
class Column:
    """One attribute of all items. values: [items], null where an item has none."""

    name: str
    kind: Kind
    values: pa.Array


@dataclass(frozen=True)
class Columns:
    """The attributes of the items of a table with the columns of `endcap.tables.schema.ITEMS`.

    kinds: of the shop's own attributes, where they are known from other items.
    """

    table: pa.Table
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: Name) -> Column:
        """Raises FilterError where there is no such attribute."""
        if name.text == OWN and name.own is not None:
            return self._own(name, name.own)
        if name.text not in KINDS or name.own is not None:
            shown = name.text if name.own is None else f"{name.text}.{name.own}"
            expected = f"one of {', '.join(KINDS)}, {OWN}.NAME"
            raise FilterError(name.at, f"no attribute {shown!r}", expected)
        return Column(name.text, KINDS[name.text], self._values(name.text))

    def _values(self, name: str) -> pa.Array:
        if name == "available":
            stock = pc.not_equal(self._values("availability"), "out_of_stock")
            return pc.fill_null(stock, True)
        name = "categories" if name == "category" else name
        if name not in self.table.column_names:
            return pa.nulls(len(self), _TYPES[KINDS[name]])
        return self.table[name].cast(_TYPES[KINDS[name]]).combine_chunks()

    def _own(self, name: Name, own: str) -> Column:
        """An attribute of the shop's. A table without items has all of them, of any kind."""
        if own in self.own:
            return self.own[own]
        if kind := self.kinds.get(own):
            return Column(f"{OWN}.{own}", kind, pa.nulls(len(self), _TYPES[kind]))
        if not len(self):
            return Column(own, "any", pa.nulls(0))
        known = ", ".join(sorted(self.own)[:LISTED]) or "none: no item has any"
        raise FilterError(name.at, f"no attribute {OWN}.{own}", f"one of {known}")

    @cached_property
    def own(self) -> dict[str, Column]:
        """By name, what items have in their `attributes`.

        Each is of the kind that most of its values are of; a value of another kind is none.
        """
        found: defaultdict[str, _Values] = defaultdict(dict)
        texts = self.table[OWN] if OWN in self.table.column_names else pa.nulls(0, pa.string())
        for row, text in enumerate(texts.to_pylist()):
            for name, value in object_of(text).items():
                found[name][row] = value
        columns = {name: self._of_most(name, values) for name, values in found.items()}
        return {name: column for name, column in columns.items() if column is not None}

    def _of_most(self, name: str, values: _Values) -> Column | None:
        kinds = Counter(kind for value in values.values() if (kind := _kind(value)))
        if not kinds:
            return None
        kind = self.kinds.get(name) or kinds.most_common(1)[0][0]
        column: list[Any] = [None] * len(self)
        for row, value in values.items():
            if _kind(value) == kind:
                column[row] = float(value) if kind == "number" else value
        return Column(f"{OWN}.{name}", kind, pa.array(column, _TYPES[kind]))


_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "paths": pa.list_(pa.string()),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "moment": pa.int64(),
    "choice": pa.string(),
}

CHOICES = MappingProxyType({"availability": AVAILABILITY})
"""What may stand in an attribute of the kind `choice`."""


def _kind(value: Any) -> Kind | None:
    """None for what no filter can speak of."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number" if abs(value) <= sys.float_info.max else None
    if isinstance(value, str):
        return "text"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "texts"
    return None
