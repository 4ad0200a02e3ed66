"""Rows with lists and objects inside → flat rows of a table of ours.

A path names a value: `properties.price` is the key `price` of the object in the column
`properties`, `images.0` the first element of a list. Several paths are alternatives, the first
that has a value counts. What no path takes stays as JSON, under the names it came with.

    {"id": 7, "basket": {"lines": [{"sku": "a", "n": 1}, {"sku": "b"}]}}

    exploded at `basket.lines` → {"id": 7, "basket": {}, "lines": {"sku": "a", "n": 1}}, …
    {"item_id": "lines.sku"} → item_id "a", and as the rest {"id": 7, "lines": {"n": 1}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import ibis

from endcap.importing import values
from endcap.importing.conform import LOOSE, Extract, conform
from endcap.importing.rows import Rows
from endcap.tables.duck import json_merge_patch, json_text, json_valid, to_json

Where: TypeAlias = str | tuple[str, ...]

PLACE = "place in the list"
"""The column that says which element of a list a row was (int64, from 0)."""


@dataclass(frozen=True)
class Told:
    """A path or an expression, and where people are told that it comes from."""

    column: Any
    words: str


def every(value: str | float) -> Told:
    """One value for all rows."""
    return Told(ibis.literal(value), f"{value}, for every row")


def as_json(table: Any, names: Iterable[str] = ()) -> Any:
    """The table with its lists and objects as JSON, as they are in a file of JSON.

    names: columns that it gets, without values, where it lacks them.
    """
    inner = {name: to_json(table[name]) for name in table.columns if table[name].type().is_nested()}
    missing = {name: ibis.null("json") for name in names if name not in table.columns}
    return table.mutate(**inner, **missing)


def exploded(table: Any, path: str) -> Any:
    """A row for each element of the JSON list at a path, as a column named like its last step.

    A row without a list, or with an empty one, stays, with a missing element.
    """
    column, *keys = path.split(".")
    name = [column, *keys][-1]
    if column not in table.columns or not table[column].type().is_json():
        return table.mutate(**{name: ibis.null("json"), PLACE: ibis.literal(0, "int64")})
    found = part(table, path).try_cast("array<json>")
    listed = {name: ibis.ifelse(found.length() > 0, found, ibis.array([ibis.null("json")]))}
    if keys:
        bare = json_merge_patch(table[column], _object(_tree([".".join(keys)])))
        listed = {column: bare, **listed}
    rows = table.mutate(**listed)
    return rows.mutate(
        **{name: rows[name].unnest(), PLACE: ibis.range(rows[name].length()).unnest()}
    )


def spread(table: Any, column: str, names: Iterable[str]) -> Any:
    """The keys of a JSON object as columns of their own; the others stay in the object.

    What the row has of the same name stands in where the object lacks it.
    """
    inner = table[column]
    found = {
        name: ibis.coalesce(inner[name], table[name]) if name in table.columns else inner[name]
        for name in names
    }
    return table.mutate(**found, **{column: json_merge_patch(inner, _object(_tree(names)))})


def part(table: Any, path: str) -> Any:
    """The JSON at a path below a JSON column."""
    column, *keys = path.split(".")
    return _below(table[column], keys)


def _below(found: Any, keys: Iterable[str]) -> Any:
    for key in keys:
        found = found[key]
    return found


def record(table: Any, path: str, key: str, *choices: str) -> Any:
    """A JSON list of pairs as one object: [{"key": "a", "value": {"int": 1}}] → {"a": 1}.

    key: of each element, the key of its name. choices: paths in it where its value may be.
    """
    pairs = part(table, path).try_cast("array<json>")
    pairs = pairs.filter(lambda pair: json_text(pair, _path(key)).notnull())
    members = pairs.map(lambda pair: _member(pair, key, choices))
    return ("{" + ibis.coalesce(members.join(","), "") + "}").cast("json")


def _member(pair: Any, key: str, choices: tuple[str, ...]) -> Any:
    found = (_below(pair, choice.split(".")).cast("string").nullif("null") for choice in choices)
    value = ibis.coalesce(*found, "null")
    return quote(json_text(pair, _path(key))) + ":" + value


def quote(column: Any) -> Any:
    """A text as JSON writes it."""
    return to_json(column).cast("string")


def at(table: Any, where: Where) -> Any:
    """The value at a path, of the column's own type or as text; missing where there is none."""
    if isinstance(where, tuple):
        return ibis.coalesce(*(text_at(table, path) for path in where))
    if where in table.columns:
        return table[where]
    column, *keys = where.split(".")
    if column not in table.columns or not table[column].type().is_json():
        return ibis.null("string")
    return json_text(table[column], _path(*keys))


def text_at(table: Any, where: Where) -> Any:
    """The value at a path as text, trimmed; missing where it says that there is none."""
    return values.text(at(table, where))


def extract(
    kind: str,
    rows: Rows,
    columns: Mapping[str, Any],
    table: Any = None,
    used: tuple[str, ...] = (),
) -> Extract:
    """What a file says for one table; what has no column there is kept as JSON.

    columns: column of ours → path or paths, or an expression; see `conform`. `Told` with words.
    table: the file's rows when something was done to them.
    used: more paths that shall not be kept as JSON.
    """
    table = as_json(rows.table) if table is None else table
    words = {name: one.words for name, one in columns.items() if isinstance(one, Told)}
    columns = {name: one.column if isinstance(one, Told) else one for name, one in columns.items()}
    said = {name: " or ".join(_paths(where)) for name, where in columns.items() if _paths(where)}
    flat = {name: at(table, where) if _paths(where) else where for name, where in columns.items()}
    if kind in LOOSE:
        flat[LOOSE[kind]] = _loose(_rest(table, columns, used), flat.get(LOOSE[kind]))
    found = conform(kind, table.select(**flat))
    return Extract(kind, found, rows.lost, said | words, rows.notes)


def _loose(rest: list[Any], given: Any) -> Any:
    """The rest, with an object that is there already on top, and nothing that is null."""
    if given is not None:
        plain = values.text(given)
        whole = plain.startswith("{") & json_valid(plain)
        rest = [*rest, ibis.ifelse(whole, plain, "{}").cast("json")]
    merged = reduce(json_merge_patch, rest, _object({}))
    return merged.cast("string").nullif("{}") if rest else ibis.null("string")


def _rest(table: Any, columns: Mapping[str, Any], used: tuple[str, ...]) -> list[Any]:
    """JSON of all that no path takes, where there is any."""
    paths = [*(path for where in columns.values() for path in _paths(where)), *used]
    taken = _tree(paths, table.columns)
    left = [name for name in table.columns if name != PLACE and taken.get(name, 0) is not None]
    if not left:
        return []
    inside = {name: keys for name, keys in taken.items() if name in left}
    said = to_json(ibis.struct({name: table[name] for name in left}))
    return [json_merge_patch(said, _object(inside)) if inside else said]


def _paths(where: Any) -> tuple[str, ...]:
    return (where,) if isinstance(where, str) else where if isinstance(where, tuple) else ()


def _tree(paths: Iterable[str], whole: Iterable[str] = ()) -> dict[str, Any]:
    """Objects with nothing at the ends of the paths; lists have to stay whole.

    whole: names that are no paths, whatever they look like.

    >>> _tree(["a.b", "c"])
    {'a': {'b': None}, 'c': None}
    """
    tree: dict[str, Any] = {}
    for path in paths:
        *parents, last = [path] if path in whole else path.split(".")
        if path not in whole and any(step.isdigit() for step in (*parents, last)):
            continue
        inner = tree
        for step in parents:
            inner = inner.setdefault(step, {})
        inner[last] = None
    return tree


def _object(value: Mapping[str, Any]) -> Any:
    return ibis.literal(json.dumps(value)).cast("json")


def _path(*keys: str) -> str:
    """
    >>> _path("a", "0", "b c")
    '$."a"[0]."b c"'
    """
    return "$" + "".join(f"[{key}]" if key.isdigit() else f'."{key}"' for key in keys)
