"""Who is who: what a shop says of its users, and which devices turned out to be theirs.

A device has its own past as long as nobody has signed in on it. Merged into a user, all that was
done on it without signing in is that user's too, in the next answer and in the next `prepare`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from endcap.store.clock import now
from endcap.store.compiled import Compiled
from endcap.store.database import Held
from endcap.tables.atomic import atomic
from endcap.tables.context import labels
from endcap.tables.schema import MERGES, USERS

User: TypeAlias = dict[str, Any]
"""A row of the table `users`."""

_METADATA = MetaData()

people = Table(
    "people",
    _METADATA,
    Column("user_id", String, primary_key=True),
    Column("attributes", Text),
    Column("created_at", BigInteger),
)

merges = Table(
    "merges",
    _METADATA,
    Column("anonymous_id", String, primary_key=True),
    Column("user_id", String, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
)

_DEVICES = Compiled(
    select(merges.c.anonymous_id)
    .where(merges.c.user_id == bindparam("user", ""))
    .order_by(merges.c.time, merges.c.anonymous_id)
)

_SAID = Compiled(select(people.c.attributes).where(people.c.user_id == bindparam("user", "")))


class Person(NamedTuple):
    """What is known of a user. devices: the anonymous ids that are theirs."""

    row: User
    devices: Sequence[str] = ()


def unsaid(user_id: str) -> User:
    """The row of a user of whom nothing was said."""
    return dict.fromkeys(USERS.names) | {"user_id": user_id}


def devices(connection: Connection, user_id: str) -> list[str]:
    """See `People.devices`."""
    return [device for (device,) in _DEVICES.rows(connection, user=user_id)]


class People(Held):
    """The users of a shop, in the store of its live events."""

    metadata = _METADATA

    def put(self, row: User) -> None:
        """Say what a user is like, in place of what was said; on the disk when this returns."""

        def write(connection: Connection) -> None:
            connection.execute(delete(people).where(people.c.user_id == row["user_id"]))
            connection.execute(insert(people), row)

        self.database.write(write)

    def find(self, user_id: str) -> Person | None:
        """None for one of whom nothing was said."""
        query = select(people).where(people.c.user_id == user_id)
        row = self.database.read(lambda found: found.execute(query).mappings().one_or_none())
        devices = self.devices(user_id)
        if row is None and not devices:
            return None
        return Person(dict(row) if row else unsaid(user_id), devices)

    def labels(self, user_id: str) -> tuple[str, ...] | None:
        """What is said of a user, as labels; None for one of whom nothing was said, and where that
        can't be read now."""
        try:
            rows = self.database.glance(lambda found: _SAID.rows(found, user=user_id))
        except SQLAlchemyError:  # the store has said so in the log
            return None
        return labels(rows[0][0]) if rows else None

    def devices(self, user_id: str) -> list[str]:
        """The anonymous ids that were merged into a user, in the order in which they were."""
        return self.database.glance(lambda found: devices(found, user_id))

    def merge(self, anonymous_id: str, user_id: str) -> str:
        """Have a device be a user's, and say whose it is: the first one it was said to be."""
        own = merges.c.anonymous_id == anonymous_id
        row = {"anonymous_id": anonymous_id, "user_id": user_id, "time": now()}

        def write(connection: Connection) -> str:
            # To write before anything is read keeps others from doing the same in between.
            connection.execute(update(merges).where(own).values(time=merges.c.time))
            found = connection.execute(select(merges.c.user_id).where(own)).scalar_one_or_none()
            if found is None:
                connection.execute(insert(merges), row)
            return found or user_id

        return self.database.write(write)


def export(store: People, tables: Path) -> None:
    """Write what is said of users as a file of the table `users`, and their devices as a file that
    `prepare` reads beside it. A file appears whole or not at all, and is left alone where it says
    the same already.
    """
    with store.database.engine.connect() as connection:
        for name, table, key, schema in (
            ("users", people, people.c.user_id, USERS),
            ("merges", merges, merges.c.anonymous_id, MERGES),
        ):
            rows = connection.execute(select(table).order_by(key)).mappings()
            _write(pa.Table.from_pylist(list(map(dict, rows)), schema), tables / name)


def _write(table: pa.Table, folder: Path) -> None:
    path = folder / "live.parquet"
    same = pq.read_table(path).equals(table) if path.is_file() else not table.num_rows
    if not same:
        with atomic(path) as draft:
            pq.write_table(table, draft, compression="zstd")


def text_of(attributes: dict[str, Any] | None) -> str | None:
    """As the table of users has them."""
    return (
        None if attributes is None else json.dumps(attributes, sort_keys=True, ensure_ascii=False)
    )
