"""The rows of a file as they came, and what every format that is made of lines has in common."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import SourceError
from endcap.importing.encoding import Text
from endcap.importing.workspace import Workspace
from endcap.tables.duck import quoted

COLUMNS = 2_000
"""More than any table has: what has more is an object with a key for each row, or no table."""

UNUSED = "\x01"
"""A delimiter that stands in no text."""

BROKEN, UNCLOSED = "broken_row", "unclosed_quote"
REASONS = {"UNQUOTED VALUE": UNCLOSED, "INVALID ENCODING": "broken_encoding"}
"""DuckDB's words for why a row can't be read; all others are a wrong number of fields."""


@dataclass(frozen=True)
class Rows:
    """The rows of a file as they came.

    table: an Ibis table with the file's own column names; CSV gives text, JSON Lines gives
        JSON, Parquet its own types.
    lost: rows that could not be told from their neighbours, by reason.
    notes: what a person should know of how the file was read.
    """

    table: Any
    lost: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.columns)


def way(text: Text) -> str:
    """SQL: how every text file is read."""
    return (
        f"{quoted(text.path)}, compression = {quoted(text.compression or 'none')}, "
        "auto_detect = false, ignore_errors = true, store_rejects = true"
    )


def lines_of(text: Text) -> str:
    """SQL: the lines of a text file as they are, in a column `line`."""
    return (
        f"read_csv({way(text)}, header = false, delim = {quoted(UNUSED)}, "
        "quote = '', escape = '', columns = {line: 'VARCHAR'})"
    )


def rejects(work: Workspace, text: Text) -> Counter[str]:
    """How many rows of a text could not be read since this was last asked, by reason."""
    errors = work.rows(
        "SELECT type, count(*) FROM (SELECT min(error_type)::VARCHAR AS type FROM reject_errors "
        "GROUP BY scan_id, file_id, line) GROUP BY type"
    )
    work.run("DROP TABLE reject_errors; DROP TABLE reject_scans")
    lost = Counter({BROKEN: text.giants})
    for kind, count in errors:
        lost[REASONS.get(kind, BROKEN)] += count
    return +lost


def distinct(names: list[str], path: Path) -> list[str]:
    """Column names that a database can tell apart, upper and lower case aside. Raises SourceError
    where there are more than any table has."""
    if len(names) > COLUMNS:
        raise SourceError(
            f"{path} has more than {COLUMNS:,} columns, the first of them {names[0][:40]!r}",
            expected="a row for each event, item or user",
        )
    seen: set[str] = set()
    result = []
    for place, name in enumerate(names, start=1):
        name = name.strip() or f"column {place}"
        while name.casefold() in seen:
            name += " (again)"
        seen.add(name.casefold())
        result.append(name)
    return result


def beginning(text: Text) -> bytes:
    return text.start.removeprefix(codecs.BOM_UTF8).lstrip()
