"""Rows of any file → rows of a table of ours, each with the reason why it can't be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import ibis
import pyarrow as pa
from ibis.expr.operations import Literal

from endcap.tables import values
from endcap.tables.duck import json_merge_patch, json_valid, to_json
from endcap.tables.schema import KEYS, MONEY, TABLES, TEXT, TIME

IDS = frozenset({"event_id", "user_id", "anonymous_id", "session_id", "item_id"})
VISITOR = ("user_id", "anonymous_id", "session_id")
LOOSE = {"events": "context", "items": "attributes", "users": "attributes"}
"""The column of each table that takes, as JSON, what has no column of its own."""

ITEMLESS = ("search", "begin_checkout")
"""Event types that are not about one item."""

TYPES = {TEXT: "string", MONEY: "float64", TIME: "int64", pa.int32(): "int32"}


@dataclass(frozen=True)
class Extract:
    """What a source found for one table.

    rows: an Ibis table with the columns of ``TABLES[kind]`` and `problem`: why a row can't be
        kept, missing where it can.
    lost: rows that could not be read at all, by reason.
    mapping: column of ours → where it comes from, in words.
    """

    kind: str
    rows: Any
    lost: Mapping[str, int] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def conform(kind: str, table: Any, columns: Mapping[str, Any]) -> Any:
    """The rows of a table of ours.

    columns: column of ours → a column of `table`, or a constant. All others of the table are
    kept as JSON.
    """
    given = {name: _column(table, source) for name, source in columns.items()}
    ready = {
        field_.name: _convert(field_, given[field_.name])
        if field_.name in given
        else ibis.null(_type(field_.type))
        for field_ in TABLES[kind]
    }
    if kind in LOOSE:
        loose = LOOSE[kind]
        extra = [name for name in table.columns if name not in _used(columns)]
        ready[loose] = _loose({name: table[name] for name in extra}, given.get(loose))
    problem = _problem(kind, ready, given)
    rows = table.select(**ready, problem=problem)
    return _with_event_id(rows) if kind == "events" else rows


def _used(columns: Mapping[str, Any]) -> set[str]:
    return {source for source in columns.values() if isinstance(source, str)}


def _column(table: Any, source: Any) -> Any:
    return table[source] if isinstance(source, str) else source


def _type(kind: pa.DataType) -> str:
    return "array<string>" if pa.types.is_list(kind) else TYPES[kind]


def _convert(field_: pa.Field, column: Any) -> Any:
    name, kind = field_.name, field_.type
    if isinstance(column.op(), Literal):
        return column.cast(_type(kind))
    if name in ("event_type", "availability"):
        return getattr(values, name)(column)
    if pa.types.is_list(kind):
        return values.paths(column) if name == "categories" else values.texts(column, "|,;")
    if name in IDS:
        return values.ident(column)
    converters = {TEXT: values.text, TIME: values.moment, pa.int32(): values.whole}
    return converters.get(kind, values.number)(column)


def _loose(extra: Mapping[str, Any], given: Any) -> Any:
    """JSON of what has no column of its own, with an object that is there already on top."""
    objects = [to_json(ibis.struct(extra))] if extra else []
    if given is not None:
        plain = values.text(given)
        whole = plain.startswith("{") & json_valid(plain)
        objects.append(ibis.ifelse(whole, plain, "{}").cast("json"))
    if not objects:
        return ibis.null("string")
    empty = ibis.literal("{}").cast("json")
    return reduce(json_merge_patch, objects, empty).cast("string").nullif("{}")


def _problem(kind: str, ready: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """The first reason why a row can't be kept."""
    if kind == "events":
        return _event_problem(ready, values.text(given["timestamp"]))
    return ibis.cases(*((ready[name].isnull(), f"missing_{name}") for name in KEYS[kind]))


def _event_problem(ready: Mapping[str, Any], time: Any) -> Any:
    visitor = ibis.coalesce(*(ready[name] for name in VISITOR))
    no_item = ready["item_id"].isnull() & ready["event_type"].notin(ITEMLESS)
    return ibis.cases(
        (visitor.isnull(), "missing_user_id"),
        (
            ready["timestamp"].isnull(),
            ibis.ifelse(time.isnull(), "missing_timestamp", "unreadable_timestamp"),
        ),
        (ready["event_type"].isnull(), "missing_event_type"),
        (no_item, "missing_item_id"),
    )


def _with_event_id(rows: Any) -> Any:
    """Where an event has no id, one from all that it says: the same content, the same event."""
    said = [
        rows[name].cast("string").fill_null("")
        for name in TABLES["events"].names
        if name != "event_id"
    ]
    content = ibis.literal("\x1f").join(said).hexdigest("md5")
    return rows.mutate(event_id=ibis.coalesce(rows.event_id, content))
