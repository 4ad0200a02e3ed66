"""From the store to Parquet: what the service took in becomes tables, like imported ones.

    tables/events/live_3f9a1c27_000000000001_000000150000.parquet

The name tells the store and the first and last place of the rows within. So how far a store has
been written is known from the files alone, and there is no mark beside them that a crash could
falsify.

    python -m endcap.store.compact TABLES FEWEST < address

is how a service has it done: a thread that makes objects of a million rows keeps the interpreter
from answers, a process does not, and it gives way to them. The address of the store is read, as a
password may be in it. Nothing is done where another process is at it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, RowMapping, Table, func, select

from endcap.config import Shop, alone
from endcap.errors import StateError
from endcap.store import items, people
from endcap.store.address import there
from endcap.store.database import Database
from endcap.store.events import LiveEvents, Row, events, impressions, shown_by
from endcap.store.items import Goods
from endcap.store.people import People
from endcap.store.schema import name_of
from endcap.tables.atomic import sync
from endcap.tables.schema import EVENTS, IMPRESSIONS


class Growing(NamedTuple):
    """A table that grows while the service runs. schema: of its rows in Parquet; rows: makes those
    of a row of the table."""

    table: Table
    schema: pa.Schema
    rows: Callable[[RowMapping], Iterable[Row]]


LIVE = (
    Growing(events, EVENTS, lambda event: (dict(event),)),
    Growing(impressions, IMPRESSIONS, shown_by),
)

BATCH = 50_000
"""Rows that are written at a time."""

READ = 5_000
"""Rows that are read from the store at a time: each may make several."""

WHOLE = 1_000_000
"""Rows from which on a file is not continued but followed by another."""

_NAME = re.compile(r"live_([0-9a-f]{8})_(\d{12})_(\d{12})\.parquet", re.ASCII)


@dataclass(frozen=True, order=True)
class Segment:
    """A file of live rows. first, last: their places."""

    first: int
    last: int
    path: Path


def into_tables(shop: Shop) -> int:
    """Write what a shop's store says to its tables: events and impressions that are new, and all
    that was said of items and users. Returns how many events and impressions that was."""
    if not there(shop.live):
        return 0
    # All of it alone: who is forgotten meanwhile must not come back with what was read before.
    with (
        closing(LiveEvents.open(shop.live)) as live,
        alone(shop.tables, "compaction", wait=True),
    ):
        items.export(Goods(live.database), shop.tables / "items" / "live.parquet")
        people.export(People(live.database), shop.tables)
        return _extend_all(live.database, shop.tables, 1)


def compact(database: Database, tables: Path, *, fewest: int = 1) -> int:
    """Write events and impressions that are new, where they are at least so many places of a
    table; returns how many rows that was. Raises StateError where another process is at it.
    """
    with alone(tables, "compaction"):
        return _extend_all(database, tables, fewest)


def written(database: Database, tables: Path, table: Table) -> int:
    """The last place of a table that is in Parquet."""
    with database.engine.connect() as connection:
        found = segments(tables / table.name, name_of(connection))
    return max((one.last for one in found), default=0)


def segments(folder: Path, store: str) -> list[Segment]:
    """The files of a store, in the order of places; what an interrupted step left is removed."""
    named = ((path, _NAME.fullmatch(path.name)) for path in folder.glob("live_*.parquet"))
    found = sorted(
        Segment(int(name[2]), int(name[3]), path)
        for path, name in named
        if name and name[1] == store
    )
    # Of files that begin with the same row, the longest continues the others.
    longest = {one.first: one for one in found}
    for one in found:
        if longest[one.first] is not one:
            one.path.unlink(missing_ok=True)
    return list(longest.values())


def _extend_all(database: Database, tables: Path, fewest: int) -> int:
    with database.engine.connect() as connection:
        store = name_of(connection)
        return sum(_extend(connection, store, one, tables, fewest) for one in LIVE)


def _extend(connection: Connection, store: str, growing: Growing, tables: Path, fewest: int) -> int:
    table, schema, _ = growing
    folder = tables / table.name
    last = next(iter(segments(folder, store)[-1:]), None)
    done = last.last if last else 0
    newest = connection.execute(select(func.max(table.c.place))).scalar() or 0
    if newest - done < fewest:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    going_on = last if last and pq.read_metadata(last.path).num_rows < WHOLE else None
    first = going_on.first if going_on else done + 1
    target = folder / f"live_{store}_{first:012}_{newest:012}.parquet"
    draft = folder / ".live.draft"  # no name that readers of the table look for
    count = 0
    with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for batch in _written(going_on, schema):
            writer.write_table(batch)
        for batch in _new(connection, growing, done, newest):
            writer.write_table(batch)
            count += batch.num_rows
    _settle(draft, target)
    if going_on:
        going_on.path.unlink(missing_ok=True)
    return count


def _written(segment: Segment | None, schema: pa.Schema) -> Iterator[pa.Table]:
    if segment is None:
        return
    with pq.ParquetFile(segment.path) as file:
        for batch in file.iter_batches(BATCH, columns=schema.names):
            yield pa.Table.from_batches([batch]).cast(schema)


def _new(connection: Connection, growing: Growing, done: int, newest: int) -> Iterator[pa.Table]:
    table, schema, rows = growing
    place = table.c.place
    query = select(table).where(place > done, place <= newest).order_by(place)
    found: Any = connection.execution_options(yield_per=READ).execute(query).mappings()
    made = chain.from_iterable(map(rows, found))
    while piece := list(islice(made, BATCH)):
        yield pa.Table.from_pylist(piece, schema)


def _settle(draft: Path, target: Path) -> None:
    """Give a file its name once the disk has it."""
    sync(draft)
    os.replace(draft, target)
    sync(target.parent)


def main() -> None:
    tables, fewest = sys.argv[1:]
    address = sys.stdin.read()
    os.nice(19)
    where = address if "://" in address else Path(address)
    with closing(Database(where)) as database, suppress(StateError):
        compact(database, Path(tables), fewest=int(fewest))


if __name__ == "__main__":
    main()
