"""JSON: an object on each line, over several lines, or all in one array."""

# ruff: noqa: S608 (SQL is made of names of ours and of what `quoted` has made safe)

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

from endcap.errors import SourceError
from endcap.importing.encoding import Text
from endcap.importing.rows import BROKEN, COLUMNS, Rows, beginning, distinct, lines_of, rejects
from endcap.importing.workspace import Workspace
from endcap.tables.duck import quoted


def read_objects(text: Text, path: Path, work: Workspace) -> Rows:
    lost = _stored(text, path, work)
    lost += Counter({BROKEN: work.value("SELECT count(*) FILTER (WHERE NOT whole) FROM objects")})
    keys = work.rows(
        "SELECT key FROM (SELECT unnest(json_keys(object)) AS key FROM objects WHERE whole) "
        f"GROUP BY key ORDER BY count(*) DESC, key LIMIT {COLUMNS + 1}",
        of=path,
    )
    names = distinct([key for (key,) in keys], path)
    columns = ", ".join(
        f"NULLIF(json_extract(object, {quoted(_pointer(key))}), 'null'::JSON) AS {_name(name)}"
        for (key,), name in zip(keys, names, strict=True)
    )
    work.run(f"CREATE VIEW raw AS SELECT {columns or 'object'} FROM objects WHERE whole", of=path)
    return Rows(work.table("raw"), lost, text.notes)


def _stored(text: Text, path: Path, work: Workspace) -> Counter[str]:
    """Bring what is in a JSON file into the table `objects`; what was lost on the way."""
    start = beginning(text)
    if start.startswith(b"["):
        _store_objects(_documents(text, "array"), path, work)
        return Counter()
    if not _is_json(start.partition(b"\n")[0]):
        # Either objects that go over several lines, or lines of which the first is broken.
        with suppress(SourceError):
            _store_objects(_documents(text, "unstructured"), path, work)
            return Counter()
    _store_objects(lines_of(text), path, work)
    return rejects(work, text)


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
