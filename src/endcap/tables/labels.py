"""The names behind the codes of categories, departments and brands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endcap.types import Int32s

Names: TypeAlias = Mapping[str, int]


def levels(path: str | None) -> list[str]:
    """A category with all above it, the root first.

    >>> levels(" Home>Lamps  > "), levels(None)
    (['Home', 'Home > Lamps'], [])
    """
    parts = [" ".join(part.split()) for part in (path or "").split(">")]
    named = [part for part in parts if part]
    return [" > ".join(named[: depth + 1]) for depth in range(len(named))]


@dataclass(frozen=True)
class Labels:
    """known: for each column of codes, the code of each name: see `endcap.tables.prepare.items`."""

    known: Mapping[str, Names]

    @classmethod
    def of(cls, table: pa.Table) -> Labels:
        """Of the items of a catalogue, with their codes."""
        return cls({name: _known(names, table[name]) for name, names in _names(table).items()})

    def codes(self, table: pa.Table) -> dict[str, Int32s]:
        """[items] the codes of further items, 0 where one has none; a name that is new has one
        above all others."""
        return {name: _codes(names, self.known[name]) for name, names in _names(table).items()}


def _names(table: pa.Table) -> dict[str, Any]:
    """By the column of its codes, the name of each item: see `endcap.tables.prepare.items`."""
    lists = table["categories"].cast(pa.list_(pa.string())).combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    starts = pa.array(np.cumsum(lengths) - lengths, mask=lengths == 0)
    first = pc.list_flatten(lists).take(starts)
    path = pc.utf8_trim_whitespace(pc.replace_substring_regex(first, r"\s*>\s*", " > "))
    path = pc.if_else(pc.equal(path, ""), None, path)
    root = pc.list_element(pc.split_pattern(path, " > "), 0)
    brand = pc.if_else(pc.equal(table["brand"], ""), None, table["brand"])
    return {"category": path, "department": root, "brand_code": brand}


def _known(names: Any, codes: Any) -> Names:
    pairs = pa.table({"name": names, "code": codes}).group_by(["name", "code"]).aggregate([])
    listed = zip(pairs["name"].to_pylist(), pairs["code"].to_pylist(), strict=True)
    return {name: code for name, code in listed if name is not None and code}


def _codes(names: Any, known: Names) -> Int32s:
    encoded = pc.dictionary_encode(names)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    above = max(known.values(), default=0) + 1
    listed = [
        known.get(name, above + place) for place, name in enumerate(encoded.dictionary.to_pylist())
    ]
    at = pc.fill_null(encoded.indices, len(listed)).to_numpy(zero_copy_only=False)
    codes: Int32s = np.array([*listed, 0], np.int32)[at]
    return codes
