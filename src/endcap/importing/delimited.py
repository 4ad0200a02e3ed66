"""CSV: fields between commas, semicolons, tabs, bars or two colons."""

# ruff: noqa: S608 (SQL is made of names of ours and of what `quoted` has made safe)

from __future__ import annotations

import csv
from collections import Counter
from contextlib import suppress
from pathlib import Path

from endcap.importing.encoding import Text
from endcap.importing.rows import UNCLOSED, UNUSED, Rows, distinct, lines_of, rejects, way
from endcap.importing.workspace import Workspace
from endcap.tables.duck import quoted

SAMPLE_LINES = 50
DELIMITERS = ",;\t|"
COLONS = "::"


def read_delimited(text: Text, path: Path, work: Workspace) -> Rows:
    start = text.start.decode("utf-8", errors="replace").lstrip("\ufeff")
    if names := _nameless(start):
        _read_csv(text, path, work, COLONS, names)
        return Rows(work.table("raw"), rejects(work, text), text.notes)
    delimiter, names = _layout(start, path)
    _read_csv(text, path, work, delimiter, names)
    swallowed = work.value(
        "SELECT count(*) FROM reject_errors "
        "WHERE error_type::VARCHAR = 'UNQUOTED VALUE' AND contains(csv_line, chr(10))"
    )
    lost, notes = rejects(work, text), text.notes
    if swallowed:
        # A quotation mark that is never closed takes the lines that follow with it.
        mended, lost = _mend(text, path, work)
        _read_csv(mended, path, work, delimiter, names)
        lost += rejects(work, mended)
        notes = (*notes, "Lines with a quotation mark that is not closed were left out")
    return Rows(work.table("raw"), lost, notes)


def _read_csv(text: Text, path: Path, work: Workspace, delimiter: str, names: list[str]) -> None:
    """Bring a CSV file into the table `raw`."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    work.run("DROP TABLE IF EXISTS raw")
    work.run(
        f"CREATE TABLE raw AS FROM read_csv({way(text)}, {_dialect(delimiter)}, nullstr = '', "
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
    work.run(f"CREATE TABLE lines AS FROM {lines_of(text)} WHERE line IS NOT NULL", of=path)
    many = work.value(f"SELECT count(*) FILTER (WHERE {odd}) FROM lines")
    lost = rejects(work, text) + Counter({UNCLOSED: many})
    work.run(
        f"COPY (FROM lines WHERE NOT {odd}) TO {quoted(copy)} "
        f"(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER {quoted(UNUSED)})",
        of=path,
    )
    return Text(copy, None, text.start), lost


def _layout(start: str, path: Path) -> tuple[str, list[str]]:
    """The delimiter and the column names of a CSV file, from its beginning."""
    lines = start.splitlines()[:SAMPLE_LINES]
    layouts = [_split(lines, delimiter) for delimiter in DELIMITERS]
    best = max(range(len(DELIMITERS)), key=lambda place: _fit(layouts[place]))
    return DELIMITERS[best], distinct(layouts[best][0] if layouts[best] else [], path)


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
