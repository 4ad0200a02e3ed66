"""What the service writes down: events that happened, and impressions, what it showed.

The two tables have the columns of `endcap.tables.schema`, and an index by visitor.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.types import TypeEngine

from endcap.store.database import Held
from endcap.tables.schema import EVENTS, IMPRESSIONS, TIME

Row: TypeAlias = dict[str, Any]

BATCH = 50_000
"""Rows of an export that are in memory at a time."""

_METADATA = MetaData()
_TYPES: dict[pa.DataType, type[TypeEngine[Any]]] = {
    pa.string(): String,
    pa.float64(): Float,
    pa.int32(): Integer,
    TIME: BigInteger,
}


def _table(name: str, schema: pa.Schema, *columns: Column[Any]) -> Table:
    """A table for the rows of a schema. place: the order in which they came."""
    own = [Column(field.name, _TYPES[field.type](), nullable=field.nullable) for field in schema]
    return Table(name, _METADATA, Column("place", Integer, primary_key=True), *own, *columns)


events = _table("events", EVENTS, Column("visitor", String, nullable=False))
impressions = _table("impressions", IMPRESSIONS)
Index("event", events.c.event_id, unique=True)
Index("visitor", events.c.visitor, events.c.timestamp, events.c.place)
Index("shown", impressions.c.recommendation_id)


def visitor(row: Row) -> str | None:
    """The id by which a visitor is known: that of the person, the device, else the session."""
    return row.get("user_id") or row.get("anonymous_id") or row.get("session_id")


class Seen(NamedTuple):
    """An event of a visitor. time: UTC microseconds."""

    item_id: str
    event_type: str
    time: int


class Arrival(NamedTuple):
    """An event as it came. place: its number, in the order of coming."""

    place: int
    visitor: str
    seen: Seen


class LiveEvents(Held):
    """The file live.sqlite of a shop."""

    metadata = _METADATA

    def append(self, rows: Sequence[Row]) -> tuple[int, int]:
        """Write events; they are on the disk when this returns.

        rows: with the columns of the schema. An `event_id` that is there already is a duplicate
        and changes nothing. Returns (accepted, duplicates).
        """
        if not rows:
            return 0, 0
        whole = [dict.fromkeys(EVENTS.names) | row | {"visitor": visitor(row)} for row in rows]
        new = insert(events).on_conflict_do_nothing(index_elements=["event_id"])
        accepted = self.database.submit(lambda connection: _write(connection, new, whole)).result()
        return accepted, len(rows) - accepted

    def shown(self, rows: Sequence[Row]) -> None:
        """Have impressions written, soon; whoever calls does not wait."""
        if rows:
            whole = [dict.fromkeys(IMPRESSIONS.names) | row for row in rows]
            new = insert(impressions)
            self.database.submit(lambda connection: _write(connection, new, whole))

    def of_visitor(self, key: str, kinds: Iterable[str], limit: int) -> list[Seen]:
        """The newest events of some types of a visitor that name an item, oldest first."""
        c = events.c
        query = (
            select(c.item_id, c.event_type, c.timestamp)
            .where(c.visitor == key, c.event_type.in_(list(kinds)), c.item_id.is_not(None))
            .order_by(c.timestamp.desc(), c.place.desc())
            .limit(limit)
        )
        with self.database.engine.connect() as connection:
            return [Seen(*row) for row in connection.execute(query)][::-1]

    def any_of(self, key: str) -> bool:
        """Whether there are events of a visitor."""
        query = select(events.c.place).where(events.c.visitor == key).limit(1)
        with self.database.engine.connect() as connection:
            return connection.execute(query).first() is not None

    def after(self, place: int, kinds: Iterable[str], limit: int) -> list[Arrival]:
        """The events of some types that name an item and came after the one at `place`, in the
        order of coming."""
        c = events.c
        query = (
            select(c.place, c.visitor, c.item_id, c.event_type, c.timestamp)
            .where(c.place > place, c.event_type.in_(list(kinds)), c.item_id.is_not(None))
            .order_by(c.place)
            .limit(limit)
        )
        with self.database.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Arrival(number, visitor, Seen(*seen)) for number, visitor, *seen in rows]


def export(database: Path, path: Path) -> int:
    """Write all live events as a Parquet file of the table `events`; returns how many there are.

    The file appears whole or not at all, and is left alone where it has them all already, so
    that what depends on it stays valid.
    """
    if not database.is_file():
        return 0
    live = LiveEvents.open(database)
    try:
        with live.database.engine.connect() as connection:
            count = connection.execute(select(func.count()).select_from(events)).scalar_one()
            if count and not (path.is_file() and pq.read_metadata(path).num_rows == count):
                _stream(connection, path)
            return int(count)
    finally:
        live.close()


def _stream(connection: Connection, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    query = select(*(events.c[name] for name in EVENTS.names)).order_by(events.c.place)
    rows = connection.execution_options(yield_per=BATCH).execute(query).mappings()
    with pq.ParquetWriter(draft, EVENTS, compression="zstd") as writer:
        for batch in rows.partitions():
            writer.write_table(pa.Table.from_pylist([dict(row) for row in batch], EVENTS))
    os.replace(draft, path)


def _write(connection: Connection, statement: Any, rows: list[Row]) -> int:
    return int(connection.execute(statement, rows).rowcount)
