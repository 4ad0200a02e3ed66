"""The imported tables of a shop: a Parquet file for each imported file and table.

    tables/events/000001-3f2a….parquet      order of import, and a hash of what was imported

A file is there whole or not at all, and the same content is never there twice. Events,
impressions and triples are logs: what is there already is not kept again. Items and users are
states: within a file the last row of an id is kept, and whoever reads takes the newest import of
it (`endcap.tables.imported.newest`).
"""

# ruff: noqa: S608 (SQL is made of names of ours and of what `quoted` has made safe)

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from endcap.errors import SourceError
from endcap.importing.conform import Extract
from endcap.importing.workspace import Rows, Workspace
from endcap.tables.atomic import sync
from endcap.tables.duck import quoted
from endcap.tables.schema import EVENT_TYPES, KEYS, TABLES
from endcap.types import Report, silent

LOGS = ("events", "impressions", "triples")

THERE = "there_"
"""How tables of the workspace begin that hold the keys of what was imported before: read once, for
however many files are imported in a row."""


@dataclass(frozen=True)
class Origin:
    """What is imported: the file as the user named it, its format, a hash of its content."""

    path: str
    format: str
    digest: str


@dataclass(frozen=True)
class Imported:
    """What became of the rows of one file for one table.

    ``read = kept + duplicates + sum(dropped.values())``; mapping and notes are for people.
    """

    origin: Origin
    extract: Extract
    kept: int
    duplicates: int
    dropped: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def read(self) -> int:
        return self.kept + self.duplicates + sum(self.dropped.values())


def add(
    folder: Path,
    work: Workspace,
    origin: Origin,
    extracts: Sequence[Extract],
    *,
    dry_run: bool = False,
    report: Report = silent,
) -> list[Imported]:
    """Store what a source found, all of it or nothing. Raises SourceError where it is no use."""
    drafts, results = [], []
    for place, extract in enumerate(extracts):
        report(f"Reading the {extract.kind} of {origin.path}", place / len(extracts))
        _stage(folder, work, origin, extract)
        result = _count(work, origin, extract)
        results.append(result)
        if result.kept and not dry_run:
            report(f"Storing the {extract.kind} of {origin.path}", (place + 0.7) / len(extracts))
            drafts.append(_write(folder, work, result))
    for draft, target in drafts:
        os.replace(draft, target)
        sync(target.parent)
    report(f"Imported {origin.path}", 1.0)
    return results


def _stage(folder: Path, work: Workspace, origin: Origin, extract: Extract) -> None:
    """Bring the rows into the table `staged`, and the numbers of repeated ones into `repeats`."""
    work.run("DROP TABLE IF EXISTS staged; DROP TABLE IF EXISTS repeats")
    work.run(f"CREATE TABLE staged AS {work.sql(extract.rows)}", of=origin.path)
    kept = "min" if extract.kind in LOGS else "max"
    key = _hash(extract.kind)
    there = _there(folder / extract.kind, work, origin, extract.kind)
    work.run(
        "CREATE TABLE repeats AS WITH "
        f"valid AS (SELECT rowid AS row, {key} AS key FROM staged WHERE problem IS NULL), "
        f"many AS (SELECT key, {kept}(row) AS kept FROM valid GROUP BY key HAVING count(*) > 1) "
        "SELECT row FROM valid JOIN many USING (key) WHERE row <> kept "
        f"UNION SELECT row FROM valid WHERE {there}"
    )


def _there(folder: Path, work: Workspace, origin: Origin, kind: str) -> str:
    """SQL: whether a row of `valid` was imported before."""
    if kind not in LOGS:
        return str(any(folder.glob(f"*-{origin.digest}.parquet")))
    files = ", ".join(quoted(path) for path in sorted(folder.glob("*.parquet")))
    rows = (
        f"{_hash(kind)} AS key FROM read_parquet([{files}])"
        if files
        else "md5_number('') AS key LIMIT 0"
    )
    work.run(f"CREATE TABLE IF NOT EXISTS {THERE}{kind} AS SELECT {rows}")
    return f"key IN (FROM {THERE}{kind})"


def _hash(kind: str) -> str:
    """SQL: 16 bytes for the key of a row, so that ten million keys fit in memory."""
    return f"md5_number(concat_ws(chr(31), {', '.join(KEYS[kind])}))"


def _count(work: Workspace, origin: Origin, extract: Extract) -> Imported:
    by_problem = work.rows("SELECT problem, count(*) FROM staged GROUP BY 1 ORDER BY 2 DESC")
    reasons = {problem: count for problem, count in by_problem if problem}
    good = sum(count for problem, count in by_problem if not problem)
    dropped = {**extract.lost, **reasons}
    if not good:
        why = ", ".join(f"{count:,} × {reason}" for reason, count in dropped.items())
        raise SourceError(
            f"{origin.path} has no usable row of {extract.kind}: {why or 'it has no row at all'}"
        )
    repeated = work.value("SELECT count(*) FROM repeats")
    notes = (*extract.notes, *(_notes(work) if extract.kind == "events" else ()))
    return Imported(origin, extract, good - repeated, repeated, dropped, notes)


def _notes(work: Workspace) -> Iterator[str]:
    """What is to be said of event types."""
    known = ", ".join(map(quoted, EVENT_TYPES))
    said = {
        "Event types that Endcap does not know are kept, but not learnt from": (
            f"event_type NOT IN ({known}) AND problem IS NULL"
        ),
        "Event types without an item are dropped": "problem = 'missing_item_id'",
    }
    for note, which in said.items():
        found = work.rows(
            f"SELECT event_type, count(*) FROM staged WHERE {which} GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        if found:
            yield f"{note}: {_listed(found)}"


def _listed(found: Rows) -> str:
    """Names and how many of each there are, the first five."""
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return ", ".join(f"{name} ({count:,})" for name, count in found[:5]) + more


def _write(folder: Path, work: Workspace, result: Imported) -> tuple[Path, Path]:
    """The good rows as a Parquet file in the workspace, and the place that it is for."""
    kind = result.extract.kind
    target = folder / kind
    target.mkdir(exist_ok=True)
    number = 1 + max((int(path.name[:6]) for path in target.glob("*-*.parquet")), default=0)
    draft = work.folder / f"{kind}.parquet"
    some = "AND rowid NOT IN (SELECT row FROM repeats)" if result.duplicates else ""
    work.run(
        f"COPY (SELECT {', '.join(TABLES[kind].names)} FROM staged WHERE problem IS NULL {some}) "
        f"TO {quoted(draft)} (FORMAT parquet, COMPRESSION zstd)"
    )
    if kind in LOGS:
        work.run(
            f"INSERT INTO {THERE}{kind} SELECT {_hash(kind)} FROM read_parquet({quoted(draft)})"
        )
    sync(draft)
    return draft, target / f"{number:06}-{result.origin.digest}.parquet"
