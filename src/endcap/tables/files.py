"""A file of rows, whatever its format, compression and encoding.

What a file is decides its content, never its name: CSV (comma, semicolon, tab or bar), JSON
Lines (or one JSON array), Parquet; also inside gzip or zstd; in UTF-8, UTF-16 or, where it
is sure, GB18030 and Windows-1252.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import SourceError
from endcap.tables.encoding import Text, read_text
from endcap.tables.workspace import Workspace, quoted

SAMPLE_LINES = 50
DELIMITERS = ",;\t|"

CLOSED_QUOTES = "(length(line) - length(replace(line, '\"', ''))) % 2 = 0"


@dataclass(frozen=True)
class Rows:
    """The rows of a file as they came.

    table: an Ibis table with the file's own column names; CSV gives text, JSON Lines gives
        JSON, Parquet its own types.
    lost: rows that could not be told from their neighbours, by reason.
    notes: what a person should know of how the file was read.
    """

    table: Any
    lost: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.columns)


def open_rows(path: Path, work: Workspace) -> Rows:
    """The rows of a file. Raises SourceError where it holds none."""
    text = read_text(path, work.folder)
    if text.start.startswith(b"PAR1"):
        return _parquet(text, path, work)
    rows = _json(text, path, work) if text.start.lstrip()[:1] in (b"{", b"[") else _csv(text, work)
    if not rows.table.count().to_pyarrow().as_py():
        lost = f" ({sum(rows.lost.values())} broken ones aside)" if rows.lost else ""
        raise SourceError(f"{path} holds no rows{lost}", expected="a header and rows below it")
    return rows


def _parquet(text: Text, path: Path, work: Workspace) -> Rows:
    work.run(f"CREATE VIEW raw AS FROM read_parquet({quoted(text.path)})", of=path)
    return Rows(work.table("raw"), {}, text.notes)


def _csv(text: Text, work: Workspace) -> Rows:
    delimiter, names = _layout(text.start.decode("utf-8", errors="replace"))
    lost = _read_csv(text, work, delimiter, names, text.path)
    notes = text.notes
    if "unclosed_quote" in lost:
        # One quotation mark that is never closed would swallow all that follows it.
        mended = work.folder / "mended.csv"
        lines = _lines(text)
        work.run(
            f"COPY (SELECT line FROM {lines} WHERE {CLOSED_QUOTES} OR line IS NULL) "
            f"TO {quoted(mended)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )
        open_ = work.value(f"SELECT count(*) FROM {lines} WHERE NOT {CLOSED_QUOTES}")
        lost = _read_csv(
            Text(mended, None, text.start), work, delimiter, names, text.path
        ) | {"unclosed_quote": open_}
        notes = (*notes, "Quotation marks are not closed: lines with an odd one were left out")
    return Rows(work.table("raw"), lost, notes)


def _read_csv(
    text: Text, work: Workspace, delimiter: str, names: list[str], path: Path
) -> dict[str, int]:
    """Read a CSV file into the table `raw`; rows that could not be read, by reason."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    work.run("DROP TABLE IF EXISTS raw; DROP TABLE IF EXISTS reject_errors")
    work.run(
        f"CREATE TABLE raw AS FROM read_csv({quoted(text.path)}, auto_detect = false, "
        f"header = true, delim = {quoted(delimiter)}, quote = '\"', escape = '\"', nullstr = '', "
        f"columns = {{{columns}}}, compression = {quoted(text.compression or 'none')}, "
        "ignore_errors = true, store_rejects = true)",
        of=path,
    )
    errors = work.rows(
        "SELECT type, count(*) FROM (SELECT min(error_type)::VARCHAR AS type FROM reject_errors "
        "GROUP BY file_id, line) GROUP BY type"
    )
    reasons = {"UNQUOTED VALUE": "unclosed_quote", "INVALID ENCODING": "broken_encoding"}
    lost: dict[str, int] = {}
    for kind, count in errors:
        reason = reasons.get(kind, "broken_row")
        lost[reason] = lost.get(reason, 0) + count
    return lost


def _layout(start: str) -> tuple[str, list[str]]:
    """The delimiter and the column names of a CSV file, from its beginning."""
    lines = start.lstrip("\ufeff").splitlines()[:SAMPLE_LINES]
    layouts = [_split(lines, delimiter) for delimiter in DELIMITERS]
    best = max(range(len(DELIMITERS)), key=lambda place: _fit(layouts[place]))
    return DELIMITERS[best], _distinct(layouts[best][0] if layouts[best] else [])


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return [next(csv.reader(lines[:1], delimiter=delimiter))]


def _fit(rows: list[list[str]]) -> tuple[float, int]:
    """How well rows look like a table: the share as wide as the header, and the width."""
    width = len(rows[0]) if rows else 0
    same = sum(len(row) == width for row in rows)
    return (same / len(rows) if width > 1 else 0.0, width)


def _distinct(names: list[str]) -> list[str]:
    """Column names that a database can tell apart, upper and lower case aside."""
    seen: set[str] = set()
    result = []
    for place, name in enumerate(names, start=1):
        name = name.strip() or f"column {place}"
        while name.casefold() in seen:
            name += " (again)"
        seen.add(name.casefold())
        result.append(name)
    return result


def _json(text: Text, path: Path, work: Workspace) -> Rows:
    if text.start.lstrip().startswith(b"["):
        source = (
            f"(SELECT json::VARCHAR AS line FROM read_json_objects({quoted(text.path)}, "
            f"format = 'array', compression = {quoted(text.compression or 'none')}))"
        )
    else:
        source = _lines(text)
    work.run(
        f"CREATE TABLE objects AS SELECT CASE WHEN json_valid(line) THEN line::JSON END AS object "
        f"FROM {source} WHERE line IS NOT NULL AND trim(line) <> ''",
        of=path,
    )
    whole = "json_type(object) = 'OBJECT'"
    broken = work.value(f"SELECT count(*) FROM objects WHERE ({whole}) IS NOT TRUE")
    keys = work.rows(
        f"SELECT key FROM (SELECT unnest(json_keys(object)) AS key FROM objects WHERE {whole}) "
        "GROUP BY key ORDER BY count(*) DESC, key"
    )
    columns = ", ".join(
        f"NULLIF(json_extract(object, {quoted(_pointer(key))}), 'null'::JSON) AS {_name(name)}"
        for (key,), name in zip(keys, _distinct([key for (key,) in keys]), strict=True)
    )
    work.run(f"CREATE VIEW raw AS SELECT {columns or 'object'} FROM objects WHERE {whole}")
    return Rows(work.table("raw"), {"broken_row": broken} if broken else {}, text.notes)


def _lines(text: Text) -> str:
    """SQL: the lines of a text file as they are, in a column `line`."""
    return (
        f"read_csv({quoted(text.path)}, auto_detect = false, header = false, delim = '\x01', "
        f"quote = '', escape = '', columns = {{line: 'VARCHAR'}}, "
        f"compression = {quoted(text.compression or 'none')}, ignore_errors = true)"
    )


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
