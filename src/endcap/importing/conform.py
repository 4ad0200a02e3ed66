"""Rows of any file → rows of a table of ours, each with the reason why it can't be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import pyarrow as pa

from endcap.importing import values
from endcap.tables.schema import ITEMLESS, KEYS, MONEY, TABLES, TEXT, TIME

IDS = frozenset({"event_id", "user_id", "anonymous_id", "session_id", "item_id", "head", "tail"})
VISITOR = ("user_id", "anonymous_id", "session_id")
LOOSE = {"events": "context", "items": "attributes", "users": "attributes"}
"""The column of each table that takes, as JSON, what has no column of its own."""

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


def conform(kind: str, flat: Any) -> Any:
    """The rows of a table of ours.

    flat: columns of ours, of any type, and perhaps `problem`: why a row can't be kept, missing
    where it can.
    """
    # In steps, so that each is computed once: SQL repeats an expression wherever it is used.
    plain = flat.select(**{name: _plain(name, flat[name]) for name in flat.columns})
    converted = {
        field_.name: _convert(field_, plain[field_.name])
        if field_.name in plain.columns
        else ibis.null(_type(field_.type))
        for field_ in TABLES[kind]
    }
    known = plain["problem"] if "problem" in plain.columns else ibis.null("string")
    rows = plain.select(**converted, known=known, said=_said(plain))
    rows = rows.mutate(problem=ibis.coalesce(rows.known, _problem(kind, rows)))
    rows = rows.drop("known", "said")
    return _with_event_id(rows) if kind == "events" else rows


def _plain(name: str, column: Any) -> Any:
    """An id, or text that is trimmed; other types, and JSON of ours, as they are."""
    if name in LOOSE.values():
        return column
    if name in IDS:
        return values.ident(column)
    kind = column.type()
    return values.text(column) if kind.is_string() or kind.is_json() else column


def _said(plain: Any) -> Any:
    """Whether there is a time, readable or not."""
    if "timestamp" not in plain.columns:
        return ibis.literal(False)
    return values.text(plain["timestamp"]).notnull()


def _type(kind: pa.DataType) -> str:
    return "array<string>" if pa.types.is_list(kind) else TYPES[kind]


def _convert(field_: pa.Field, column: Any) -> Any:
    name, kind = field_.name, field_.type
    if name in ("event_type", "availability"):
        return getattr(values, name)(column)
    if pa.types.is_list(kind):
        return values.paths(column) if name == "categories" else values.texts(column, "|,;")
    if name in (*IDS, *LOOSE.values()):
        return column
    converters = {TEXT: values.text, TIME: values.moment, pa.int32(): values.whole}
    return converters.get(kind, values.number)(column)


def _problem(kind: str, rows: Any) -> Any:
    """The first reason why a row can't be kept."""
    if kind == "events":
        return _event_problem(rows)
    return ibis.cases(*((rows[name].isnull(), f"missing_{name}") for name in KEYS[kind]))


def _event_problem(rows: Any) -> Any:
    visitor = ibis.coalesce(*(rows[name] for name in VISITOR))
    no_item = rows.item_id.isnull() & rows.event_type.notin(ITEMLESS)
    return ibis.cases(
        (visitor.isnull(), "missing_user_id"),
        (
            rows.timestamp.isnull(),
            ibis.ifelse(rows.said, "unreadable_timestamp", "missing_timestamp"),
        ),
        (rows.event_type.isnull(), "missing_event_type"),
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
