"""What DuckDB has and Ibis no name for: functions from Ibis columns to Ibis columns, and how texts
stand in SQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt

TEXTS = dt.Array(dt.string)

_SHAPES: dict[int, Callable[..., None]] = {1: lambda one: None, 2: lambda one, other: None}


def _function(name: str, arguments: tuple[Any, ...], result: Any) -> Any:
    """A function of the database. arguments: their types, None for any."""
    return ibis.udf.scalar.builtin(
        _SHAPES[len(arguments)], name=name, signature=(arguments, result)
    )


epoch_us = _function("epoch_us", (dt.timestamp,), dt.int64)
from_json = _function("from_json", (dt.string, dt.string), TEXTS)
json_merge_patch = _function("json_merge_patch", (dt.json, dt.json), dt.json)
json_keys = _function("json_keys", (dt.json,), TEXTS)
json_text = _function("json_extract_string", (dt.json, dt.string), dt.string)
json_type = _function("json_type", (dt.json,), dt.string)
json_valid = _function("json_valid", (dt.string,), dt.boolean)
moment_of = _function("make_timestamp", (dt.int64,), dt.timestamp)
split = _function("string_split_regex", (dt.string, dt.string), TEXTS)
strptime = _function("try_strptime", (dt.string, TEXTS), dt.timestamp)
to_json = _function("to_json", (None,), dt.json)
url_decode = _function("url_decode", (dt.string,), dt.string)
to_utc = _function("timezone", (dt.string, dt.timestamp), dt.Timestamp(timezone="UTC"))


def quoted(value: str | Path) -> str:
    """A text as SQL writes it."""
    return "'" + str(value).replace("'", "''") + "'"
