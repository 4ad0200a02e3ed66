"""What the service writes down: events that happened, and impressions, what it showed.

Events have the columns of `endcap.tables.schema`, and an index by visitor. Impressions have a row
for each answer, with all that it showed: to write one for each item took longer than all else that
is written of an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy.types import TypeEngine

from endcap.store.compiled import Compiled
from endcap.store.database import Held, Job
from endcap.store.schema import place
from endcap.tables.schema import EVENTS, IMPRESSIONS, TIME

Row: TypeAlias = dict[str, Any]

LESSON = 5.0
"""Seconds that reading what is to be learned may take."""

OF_AN_ITEM = ("item_id", "position", "score", "propensity")
"""What an impression says of the item that was shown; the rest all of an answer have in common."""

_METADATA = MetaData()
_TYPES: dict[pa.DataType, type[TypeEngine[Any]]] = {
    pa.string(): String,
    pa.float64(): Float,
    pa.int32(): Integer,
    TIME: BigInteger,
}


def _table(name: str, fields: Iterable[pa.Field], *columns: Column[Any]) -> Table:
    """A table for the rows of a schema. place: the order in which they came."""
    own = [Column(field.name, _TYPES[field.type](), nullable=field.nullable) for field in fields]
    return Table(name, _METADATA, place(), *own, *columns, sqlite_autoincrement=True)


events = _table("events", EVENTS, Column("visitor", String, nullable=False))
impressions = _table(
    "impressions",
    [field for field in IMPRESSIONS if field.name not in OF_AN_ITEM],
    Column("items", Text, nullable=False),
)
"""items: JSON, for each item what `OF_AN_ITEM` says, in that order."""

Index("event", events.c.event_id, unique=True)
Index("visitor", events.c.visitor, events.c.timestamp, events.c.place)


def visitor(row: Row) -> str | None:
    """The id by which a visitor is known: that of the person, the device, else the session."""
    return row.get("user_id") or row.get("anonymous_id") or row.get("session_id")


_SHOWN = Compiled(insert(impressions), impressions.c.keys()[1:])


def shown_by(answer: RowMapping) -> Iterator[Row]:
    """The impressions that a row of the store tells of: one for each item."""
    for one in json.loads(answer["items"]):
        yield dict(answer) | dict(zip(OF_AN_ITEM, one, strict=True))


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


@cache
def _newest(kinds: tuple[str, ...]) -> Compiled:
    query = select(events.c.item_id, events.c.event_type, events.c.timestamp).where(
        events.c.visitor == bindparam("key", ""),
        events.c.event_type.in_(kinds),
        events.c.item_id.is_not(None),
    )
    newest = query.order_by(events.c.timestamp.desc(), events.c.place.desc())
    return Compiled(newest.limit(bindparam("limit", 0)))


def newest(connection: Connection, visitor: str, kinds: Iterable[str], limit: int) -> list[Seen]:
    """The newest events of some types of a visitor that name an item, oldest first."""
    found = _newest(tuple(kinds)).rows(connection, key=visitor, limit=limit)
    return [Seen(*row) for row in reversed(found)]


_NEXT = (
    select(
        events.c.place,
        events.c.visitor,
        events.c.item_id,
        events.c.event_type,
        events.c.timestamp,
    )
    .where(
        events.c.place > bindparam("since"),
        events.c.event_type.in_(bindparam("kinds", expanding=True)),
        events.c.item_id.is_not(None),
    )
    .order_by(events.c.place)
    .limit(bindparam("limit"))
)


class LiveEvents(Held):
    """What visitors did and were shown since the service began."""

    metadata = _METADATA

    @cached_property
    def _new(self) -> Compiled:
        new = self.database.insert(events).on_conflict_do_nothing(index_elements=["event_id"])
        return Compiled(new, (*EVENTS.names, "visitor"))

    def append(self, rows: Sequence[Row]) -> tuple[int, int]:
        """Write events; they are on the disk when this returns.

        rows: with the columns of the schema. An `event_id` that is there already is a duplicate
        and changes nothing. Returns (accepted, duplicates).
        """
        return self.database.write(self._appending(rows)) if rows else (0, 0)

    async def appended(self, rows: Sequence[Row]) -> tuple[int, int]:
        """The same on an event loop, which goes on meanwhile."""
        return await self.database.written(self._appending(rows)) if rows else (0, 0)

    def _appending(self, rows: Sequence[Row]) -> Job[tuple[int, int]]:
        whole = [{**row, "visitor": visitor(row)} for row in rows]

        def append(found: Connection) -> tuple[int, int]:
            accepted = self._new.each(found, whole)
            return accepted, len(rows) - accepted

        return append

    def shown(self, answers: Callable[[], Sequence[Row]]) -> None:
        """Have impressions written, soon; whoever calls does not wait.

        answers: makes a row for each answer then, with its `items`: see `OF_AN_ITEM`.
        """
        self.database.insert_soon(_SHOWN, answers, json="items")

    def any_of(self, key: str) -> bool:
        """Whether there are events of a visitor."""
        query = select(events.c.place).where(events.c.visitor == key).limit(1)
        return self.database.read(lambda found: found.execute(query).first()) is not None

    def begin(self, moment: int) -> int:
        """The place before the first event, in the order of coming, that was at a moment or
        later; that of the newest where none was."""
        c = events.c
        first = select(c.place - 1).where(c.timestamp >= moment).order_by(c.place).limit(1)
        newest = select(func.max(c.place))

        def read(found: Connection) -> int | None:
            place: int | None = found.execute(first).scalar()
            return found.execute(newest).scalar() if place is None else place

        return self.database.glance(read, LESSON) or 0

    def after(
        self, place: int, kinds: Iterable[str], limit: int, seconds: float = LESSON
    ) -> list[Arrival]:
        """The events of some types that name an item and came after the one at `place`, in the
        order of coming."""
        asked = {"kinds": list(kinds), "limit": limit, "since": place}
        rows = self.database.glance(lambda found: found.execute(_NEXT, asked).all(), seconds)
        return [Arrival(number, visitor, Seen(*seen)) for number, visitor, *seen in rows]
