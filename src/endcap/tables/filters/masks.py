"""From a tree to the items that it lets through: whole columns at a time.

A condition on what an item does not have is not met; so `brand == "Acme"` and
`brand != "Acme"` are each other's opposite for every item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endcap.errors import FilterError
from endcap.tables.filters.columns import CALLED, CHOICES, Column, Columns, Kind
from endcap.tables.filters.syntax import Name, Node, Operand, Test, Value, parse
from endcap.types import Bools

_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}
)
_ORDERED: tuple[Kind, ...] = ("number", "moment", "any")
_SINGLE: tuple[Kind, ...] = ("text", "choice", "number", "truth", "moment", "any")
_MANY: tuple[Kind, ...] = ("texts", "paths", "any")


def mask(columns: Columns, text: str) -> Bools:
    """[items] whether each meets the filter; not to be written to. Raises FilterError."""
    found = _node(columns, parse(text))
    found.flags.writeable = False
    return found


def check(text: str) -> None:
    """Raises FilterError where a text is wrong whatever the items are."""
    mask(Columns(pa.table({})), text)


def _node(columns: Columns, node: Node) -> Bools:
    if isinstance(node, Test):
        return _TESTS.get(node.word, _compared)(columns, node)
    parts = [_node(columns, part) for part in node.parts]
    if node.word == "not":
        return ~parts[0]
    join = np.logical_and if node.word == "and" else np.logical_or
    return np.asarray(join.reduce(parts), np.bool_)


def _alone(columns: Columns, test: Test) -> Bools:
    """`available`: a word by itself must be true or false of an item."""
    return _mask(_column(columns, test.left, ("truth", "any"), "something to ask of it").values)


def _compared(columns: Columns, test: Test) -> Bools:
    """`price < 20`, `sale_price < price`: one side at least is an attribute."""
    left, right = test.left, test.right
    assert isinstance(right, Name | Value)  # noqa: S101, as the grammar has it
    if isinstance(left, Value) and isinstance(right, Value):
        raise FilterError(left.at, "two values beside each other", "an attribute on one side")
    name, other = (left, right) if isinstance(left, Name) else (right, left)
    column = _column(columns, name, _SINGLE, "in, as it is a list")
    if test.word in _ORDERS and column.kind not in _ORDERED:
        raise FilterError(name.at, f"{column.name} beside {test.word}", "== or !=")
    beside = _other(columns, column, other)
    if not len(columns):
        return np.zeros(0, np.bool_)
    sides = (column.values, beside) if name is left else (beside, column.values)
    if test.word in _ORDERS:
        return _mask(_ORDERS[test.word](*sides))
    same = _mask(pc.equal(*sides))
    return same if test.word == "==" else ~same


def _among(columns: Columns, test: Test) -> Bools:
    """`brand in ("A", "B")`, `"A" in tags`, `tags in ("A", "B")`: one of these is one of those."""
    if isinstance(test.right, Name):
        column = _column(columns, test.right, _MANY, "a list")
        values: tuple[Operand, ...] = (test.left,)
    else:
        assert isinstance(test.right, tuple)  # noqa: S101, as the grammar has it
        column = _column(columns, test.left, (*_SINGLE, *_MANY), "an attribute")
        values = test.right
    found = [_value(column, value) for value in values]
    if column.kind == "paths":
        return _some(column, lambda paths: _any_level(paths, found))
    if column.kind == "texts":
        return _some(column, lambda texts: _is_in(texts, found))
    return _is_in(column.values, found)


def _under(columns: Columns, test: Test) -> Bools:
    """`category under "Toys > Dolls"`: the category itself, or one below it."""
    column = _column(columns, test.left, ("paths", "any"), "categories")
    assert isinstance(test.right, Value)  # noqa: S101, as the grammar has it
    top = f"{_path(test.right.value)} > "
    return _some(column, lambda paths: pc.starts_with(_closed(paths), top))


def _contains(columns: Columns, test: Test) -> Bools:
    """`title contains "tea"`: anywhere within it; capital and small letters are the same."""
    column = _column(columns, test.left, ("text", "any"), "a text")
    if not len(columns):
        return np.zeros(0, np.bool_)
    part = pc.utf8_lower(pa.scalar(_value(column, test.right))).as_py()
    return _mask(pc.match_substring(pc.utf8_lower(column.values), part))


_TESTS: Mapping[str, Callable[[Columns, Test], Bools]] = MappingProxyType(
    {"is": _alone, "in": _among, "under": _under, "contains": _contains}
)


def _column(columns: Columns, side: Operand, kinds: Sequence[Kind], expected: str) -> Column:
    """An attribute of one of these kinds. Raises FilterError."""
    if isinstance(side, Value):
        raise FilterError(side.at, f"the value {_shown(side)}", "an attribute")
    column = columns.column(side)
    if column.kind not in kinds:
        raise FilterError(side.at, f"{column.name}, {CALLED[column.kind]},", expected)
    return column


def _other(columns: Columns, column: Column, side: Operand) -> Any:
    """What stands beside a column: a value of its kind, or a column of its kind."""
    if isinstance(side, Value):
        return pa.scalar(_value(column, side))
    kinds = _SINGLE if column.kind == "any" else (column.kind, "any")
    return _column(columns, side, kinds, f"{CALLED[column.kind]}, like {column.name}").values


def _value(column: Column, side: Any) -> Any:
    """A value of a column's kind, as the column has it. Raises FilterError."""
    value = side.value if isinstance(side, Value) else None
    called = CALLED["text" if column.kind in ("texts", "paths") else column.kind]
    wrong = FilterError(side.at, f"{_shown(side)} beside {column.name}", called)
    if column.kind == "any" and value is not None:
        return value
    if column.kind in ("number", "truth"):
        if isinstance(value, bool) != (column.kind == "truth") or not isinstance(
            value, float | bool
        ):
            raise wrong
        return value
    if not isinstance(value, str):
        raise wrong
    if column.kind == "moment":
        return _moment(side.at, value)
    if column.kind == "choice" and value not in CHOICES[column.name]:
        raise FilterError(side.at, repr(value), f"one of {', '.join(CHOICES[column.name])}")
    return _path(value) if column.kind == "paths" else value


def _moment(at: int, text: str) -> int:
    """UTC microseconds of RFC 3339 text; a day is its beginning."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise FilterError(at, repr(text), "a day or moment like 2026-11-25T18:00Z") from error
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _some(column: Column, test: Callable[[Any], Any]) -> Bools:
    """[items] whether one text of an item's list passes. test: [texts] → [texts] bool."""
    met = np.zeros(len(column.values), np.bool_)
    if len(met):
        passed = _mask(test(pc.list_flatten(column.values)))
        met[pc.list_parent_indices(column.values).to_numpy()[passed]] = True
    return met


def _is_in(values: Any, found: Sequence[Any]) -> Bools:
    if not len(values):  # of no kind, perhaps
        return np.zeros(0, np.bool_)
    return _mask(pc.is_in(values, value_set=pa.array(found, values.type)))


def _any_level(paths: Any, found: Sequence[str]) -> Bools:
    """Whether each path has one of some levels; several levels must follow each other."""
    closed = pc.binary_join_element_wise(" > ", _closed(paths), "")
    hits = [_mask(pc.match_substring(closed, f" > {path} > ")) for path in found]
    return np.asarray(np.logical_or.reduce(hits), np.bool_)


def _closed(paths: Any) -> Any:
    """With a ">" at the end, so that Toys is not the beginning of Toyshop."""
    return pc.binary_join_element_wise(paths, " > ", "")


def _path(text: object) -> str:
    return re.sub(r"\s*>\s*", " > ", str(text)).strip()


def _mask(values: Any) -> Bools:
    """Arrow's true, false and null → true and false."""
    if isinstance(values, np.ndarray):
        return values
    if not len(values):
        return np.zeros(0, np.bool_)
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), np.bool_)


def _shown(side: Operand) -> str:
    """
    >>> _shown(Value(1, 20.0))
    '20'
    """
    if isinstance(side, Name):
        return f"the attribute {side.text}"
    if isinstance(side.value, float):
        return f"{side.value:g}"
    return repr(side.value) if isinstance(side.value, str) else str(side.value).lower()
