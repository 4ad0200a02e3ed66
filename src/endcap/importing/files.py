"""A file of rows, whatever its format, compression and encoding.

What a file is decides its content, never its name: CSV (comma, semicolon, tab or bar), JSON
Lines (or one JSON array, or objects over several lines), Parquet, XML; also inside gzip or zstd;
in UTF-8, UTF-16 or, where it is sure, GB18030 and Windows-1252.
"""

from __future__ import annotations

import re
from pathlib import Path

from endcap.errors import SourceError
from endcap.importing.delimited import read_delimited
from endcap.importing.encoding import Text, read_text
from endcap.importing.markup import read_markup
from endcap.importing.objects import read_objects
from endcap.importing.parquet import read_parquet
from endcap.importing.rows import Rows, beginning, lines_of, rejects
from endcap.importing.workspace import Workspace

LOG = re.compile(rb'\S+ \S+ [^\[\n]+ \[[^\]\n]+\] "')
"""How a line of a web server's log begins: it stays a line, in a column of that name."""


def open_rows(path: Path, work: Workspace) -> Rows:
    """The rows of a file. Raises SourceError where it holds none."""
    text = read_text(path, work.folder)
    if text.start.startswith(b"PAR1"):
        return read_parquet(text, path, work)
    start = beginning(text)
    if LOG.match(start):
        return _log(text, path, work)
    if start.startswith(b"<"):
        text = read_markup(text, path, work.folder)
    json_ = start[:1] in (b"{", b"[", b"<")
    rows = read_objects(text, path, work) if json_ else read_delimited(text, path, work)
    if not work.value("SELECT count(*) FROM raw", of=path):
        lost = f" ({sum(rows.lost.values())} broken ones aside)" if rows.lost else ""
        raise SourceError(f"{path} holds no rows{lost}", expected="a header and rows below it")
    return rows


def _log(text: Text, path: Path, work: Workspace) -> Rows:
    work.run(f"CREATE TABLE raw AS FROM {lines_of(text)} WHERE line IS NOT NULL", of=path)
    return Rows(work.table("raw"), rejects(work, text), text.notes)
