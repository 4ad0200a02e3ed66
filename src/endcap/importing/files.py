"""A file of rows, whatever its format, compression and encoding.

What a file is decides its content, never its name: CSV (comma, semicolon, tab or bar), JSON
Lines (or one JSON array, or objects over several lines), Parquet, XML; also inside gzip or zstd;
in UTF-8, UTF-16 or, where it is sure, GB18030 and Windows-1252.
"""

# ruff: noqa: S608 (SQL is made of names of ours and of what `quoted` has made safe)

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import SourceError
from endcap.importing.encoding import LARGE, TIMES, Text, read_text
from endcap.importing.markup import read_markup
from endcap.importing.workspace import Workspace
from endcap.tables.duck import quoted

SAMPLE_LINES = 50
ROW = 100
"""Bytes of a row, at least, where all rows are not alike."""

COLUMNS = 2_000
"""More than any table has: what has more is an object with a key for each row, or no table."""

DELIMITERS = ",;\t|"
COLONS = "::"

LOG = re.compile(rb'\S+ \S+ [^\[\n]+ \[[^\]\n]+\] "')
"""How a line of a web server's log begins: it stays a line, in a column of that name."""

NO_DELIMITER = "\x01"

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


def open_rows(path: Path, work: Workspace) -> Rows:
    """The rows of a file. Raises SourceError where it holds none."""
    text = read_text(path, work.folder)
    if text.start.startswith(b"PAR1"):
        return _parquet(text, path, work)
    start = _beginning(text)
    if LOG.match(start):
        return _log(text, path, work)
    if start.startswith(b"<"):
        text = read_markup(text, path, work.folder)
    json_ = start[:1] in (b"{", b"[", b"<")
    rows = _json(text, path, work) if json_ else _csv(text, path, work)
    if not work.value("SELECT count(*) FROM raw", of=path):
        lost = f" ({sum(rows.lost.values())} broken ones aside)" if rows.lost else ""
        raise SourceError(f"{path} holds no rows{lost}", expected="a header and rows below it")
    return rows


def _parquet(text: Text, path: Path, work: Workspace) -> Rows:
    file, size = quoted(text.path), text.path.stat().st_size
    rows = work.value(
        f"SELECT max(rows) FROM (SELECT num_rows AS rows FROM parquet_file_metadata({file}) UNION "
        f"ALL SELECT sum(row_group_num_rows) FROM parquet_metadata({file}) GROUP BY column_id)",
        of=path,
    )
    if not 0 <= rows <= max(LARGE // ROW, TIMES * size):  # reading them would never end
        raise SourceError(f"{path} says that it has {rows:,} rows in {size:,} bytes")
    work.run(f"CREATE VIEW raw AS FROM read_parquet({file})", of=path)
    return Rows(work.table("raw"), {}, text.notes)


def _log(text: Text, path: Path, work: Workspace) -> Rows:
    work.run(f"CREATE TABLE raw AS FROM {_lines(text)} WHERE line IS NOT NULL", of=path)
    return Rows(work.table("raw"), _rejects(work, text), text.notes)


def _csv(text: Text, path: Path, work: Workspace) -> Rows:
    start = text.start.decode("utf-8", errors="replace").lstrip("\ufeff")
    if names := _nameless(start):
        _read_csv(text, path, work, COLONS, names)
        return Rows(work.table("raw"), _rejects(work, text), text.notes)
    delimiter, names = _layout(start, path)
    _read_csv(text, path, work, delimiter, names)
    swallowed = work.value(
        "SELECT count(*) FROM reject_errors "
        "WHERE error_type::VARCHAR = 'UNQUOTED VALUE' AND contains(csv_line, chr(10))"
    )
    lost, notes = _rejects(work, text), text.notes
    if swallowed:
        # A quotation mark that is never closed takes the lines that follow with it.
        mended, lost = _mend(text, path, work)
        _read_csv(mended, path, work, delimiter, names)
        lost += _rejects(work, mended)
        notes = (*notes, "Lines with a quotation mark that is not closed were left out")
    return Rows(work.table("raw"), lost, notes)


def _read_csv(text: Text, path: Path, work: Workspace, delimiter: str, names: list[str]) -> None:
    """Bring a CSV file into the table `raw`."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    work.run("DROP TABLE IF EXISTS raw")
    work.run(
        f"CREATE TABLE raw AS FROM read_csv({_way(text)}, {_dialect(delimiter)}, nullstr = '', "
        f"columns = {{{columns}}})",
        of=path,
    )


def _dialect(delimiter: str) -> str:
    mark, names = ("", "false") if delimiter == COLONS else ('"', "true")
    return (
        f"delim = {quoted(delimiter)}, header = {names}, quote = {quoted(mark)}, "
        f"escape = {quoted(mark)}"
    )


def _mend(text: Text, path: Path, work: Workspace) -> tuple[Text, Counter[str]]:
    """A copy without the lines whose quotation marks are odd in number, and what was lost."""
    copy = work.folder / "mended.csv"
    odd = "(length(line) - length(replace(line, '\"', ''))) % 2 = 1"
    work.run(f"CREATE TABLE lines AS FROM {_lines(text)} WHERE line IS NOT NULL", of=path)
    many = work.value(f"SELECT count(*) FILTER (WHERE {odd}) FROM lines")
    lost = _rejects(work, text) + Counter({UNCLOSED: many})
    work.run(
        f"COPY (FROM lines WHERE NOT {odd}) TO {quoted(copy)} "
        f"(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER {quoted(NO_DELIMITER)})",
        of=path,
    )
    return Text(copy, None, text.start), lost


def _way(text: Text) -> str:
    """SQL: how every text file is read."""
    return (
        f"{quoted(text.path)}, compression = {quoted(text.compression or 'none')}, "
        "auto_detect = false, ignore_errors = true, store_rejects = true"
    )


def _lines(text: Text) -> str:
    """SQL: the lines of a text file as they are, in a column `line`."""
    return (
        f"read_csv({_way(text)}, header = false, delim = {quoted(NO_DELIMITER)}, "
        "quote = '', escape = '', columns = {line: 'VARCHAR'})"
    )


def _rejects(work: Workspace, text: Text) -> Counter[str]:
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


def _layout(start: str, path: Path) -> tuple[str, list[str]]:
    """The delimiter and the column names of a CSV file, from its beginning."""
    lines = start.splitlines()[:SAMPLE_LINES]
    layouts = [_split(lines, delimiter) for delimiter in DELIMITERS]
    best = max(range(len(DELIMITERS)), key=lambda place: _fit(layouts[place]))
    return DELIMITERS[best], _distinct(layouts[best][0] if layouts[best] else [], path)


def _nameless(start: str) -> list[str]:
    """Names for the columns of a file that has none, and two colons between its fields.

    >>> _nameless("1::1193::5::978300760")
    ['column 1', 'column 2', 'column 3', 'column 4']
    """
    lines = start.splitlines()[:SAMPLE_LINES]
    widths = Counter(line.count(COLONS) for line in lines if line.strip())
    ((width, lines_),) = widths.most_common(1) or [(0, 0)]
    if width < 2 or lines_ < 0.9 * len(lines):
        return []
    return [f"column {place}" for place in range(1, width + 2)]


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:  # a field that is longer than any name, far down or in the first line
        with suppress(csv.Error):
            return [next(csv.reader(lines[:1], delimiter=delimiter))]
        return []


def _fit(rows: list[list[str]]) -> tuple[float, int]:
    """How well rows look like a table: the share as wide as the header, and the width."""
    width = len(rows[0]) if rows else 0
    same = sum(len(row) == width for row in rows)
    return (same / len(rows) if width > 1 else 0.0, width)


def _distinct(names: list[str], path: Path) -> list[str]:
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


def _json(text: Text, path: Path, work: Workspace) -> Rows:
    lost = _read_objects(text, path, work)
    lost += Counter({BROKEN: work.value("SELECT count(*) FILTER (WHERE NOT whole) FROM objects")})
    keys = work.rows(
        "SELECT key FROM (SELECT unnest(json_keys(object)) AS key FROM objects WHERE whole) "
        f"GROUP BY key ORDER BY count(*) DESC, key LIMIT {COLUMNS + 1}",
        of=path,
    )
    names = _distinct([key for (key,) in keys], path)
    columns = ", ".join(
        f"NULLIF(json_extract(object, {quoted(_pointer(key))}), 'null'::JSON) AS {_name(name)}"
        for (key,), name in zip(keys, names, strict=True)
    )
    work.run(f"CREATE VIEW raw AS SELECT {columns or 'object'} FROM objects WHERE whole", of=path)
    return Rows(work.table("raw"), lost, text.notes)


def _read_objects(text: Text, path: Path, work: Workspace) -> Counter[str]:
    """Bring what is in a JSON file into the table `objects`; what was lost on the way."""
    start = _beginning(text)
    if start.startswith(b"["):
        _store_objects(_documents(text, "array"), path, work)
        return Counter()
    if not _is_json(start.partition(b"\n")[0]):
        # Either objects that go over several lines, or lines of which the first is broken.
        with suppress(SourceError):
            _store_objects(_documents(text, "unstructured"), path, work)
            return Counter()
    _store_objects(_lines(text), path, work)
    return _rejects(work, text)


def _store_objects(lines: str, path: Path, work: Workspace) -> None:
    work.run(
        "CREATE TABLE objects AS SELECT CASE WHEN json_valid(line) THEN line::JSON END AS object, "
        f"(json_type(object) = 'OBJECT') IS TRUE AS whole FROM {lines} WHERE trim(line) <> ''",
        of=path,
    )


def _documents(text: Text, layout: str) -> str:
    """SQL: the objects of a file that is one array, or that takes several lines for each."""
    file = f"{quoted(text.path)}, compression = {quoted(text.compression or 'none')}"
    read = f"read_json_objects({file}, format = {quoted(layout)})"
    return f"(SELECT json::VARCHAR AS line FROM {read})"


def _beginning(text: Text) -> bytes:
    return text.start.removeprefix(codecs.BOM_UTF8).lstrip()


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
