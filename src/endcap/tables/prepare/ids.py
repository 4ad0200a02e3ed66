"""The same item under two ids: what the catalogue calls 1234 may be SKU-1234 in the events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ibis import _
from ibis.expr.types import Table

DIFFERENCES: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "case": lambda id_: id_.lower(),
        "prefix": lambda id_: id_.re_replace(r"^.*[^\p{L}\p{N}](.)", r"\1"),
        "letters": lambda id_: id_.re_replace(r"^[^\p{N}]+(.)", r"\1"),
        "suffix": lambda id_: id_.re_replace(r"(.)[^\p{L}\p{N}].*$", r"\1"),
        "marks": lambda id_: id_.re_replace(r"[^\p{L}\p{N}]+", ""),
        "zeros": lambda id_: id_.re_replace(r"^0+(.)", r"\1"),
    }
)
"""What may differ → what is left of an id without it, in the order in which it is taken away.

case: upper and lower. prefix: all up to the last blank or mark, as in SKU-1234 or shop/1234.
letters: those in front of the first digit, as in P1234. suffix: all from the first mark on, as in
1234-red. marks: blanks and marks inside, as in 12-34. zeros: those in front, as in 001234.
"""

WORDS = MappingProxyType(
    {
        "case": "upper and lower case",
        "prefix": "something in front of a mark",
        "letters": "letters in front",
        "suffix": "something behind a mark",
        "marks": "blanks and marks",
        "zeros": "zeros in front",
    }
)
"""The differences as people call them."""


def same_but_for(ways: Iterable[str], ids: Any) -> Any:
    """A column of ids without what may differ: equal where they mean the same item."""
    chosen = set(ways)
    for way, without in DIFFERENCES.items():
        if way in chosen:
            ids = without(ids)
    return ids


def meant(items: Table, ways: Iterable[str]) -> Table:
    """For each `key` (an id without what may differ) the one item that it must mean, `meant`; keys
    that several items share are not there."""
    keyed = items.select("item_id", key=same_but_for(ways, _.item_id)).group_by("key")
    return keyed.agg(meant=_.item_id.max(), many=_.count()).filter(_.many == 1).drop("many")
