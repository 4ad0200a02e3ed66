"""Items that were changed while the service runs, each with the last word on it.

What is said here counts at once in every process, and the next `prepare` reads it too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from endcap.store.address import there
from endcap.store.clock import now
from endcap.store.compiled import Compiled
from endcap.store.database import Held
from endcap.store.schema import place
from endcap.tables.atomic import atomic
from endcap.tables.schema import ITEMS

Item: TypeAlias = dict[str, Any]
"""A row of the table `items`."""

LONG = 5.0
"""Seconds that reading many changes may take."""

SOME = 500
"""Items that a statement is about at most."""

_METADATA = MetaData()

_items = Table(
    "items",
    _METADATA,
    place(),
    Column("item_id", String, nullable=False, unique=True),
    Column("gone_at", BigInteger),
    Column("content", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""place: the number of the change that made the row what it is; none is given twice. gone_at: UTC
microseconds, none for an item that is there. content: the item as JSON; of one that is gone, what
it was."""


_LATEST = Compiled(select(func.max(_items.c.place)))


class Word(NamedTuple):
    """The last word on an item: what it is, and since when it is gone, if it is."""

    item: Item
    gone_at: int | None = None


class Goods(Held):
    """The items of a shop that were changed live, in the store of its live events."""

    metadata = _METADATA

    def put(self, items: Iterable[Item]) -> None:
        """Whole items, in place of what was; on the disk when this returns."""
        words = {item["item_id"]: Word(item) for item in items}
        if words:
            self.database.write(lambda connection: _replace(connection, words))

    def amend(
        self, item_id: str, known: Item | None, change: Callable[[Item], Word]
    ) -> Item | None:
        """Change an item, and say what it is then; None where there is no such item.

        known: what is known of it elsewhere, which counts where nothing is said of it here.
        """

        def write(connection: Connection) -> Item | None:
            # To write before anything is read keeps others from changing it in between.
            own = _items.c.item_id == item_id
            connection.execute(update(_items).where(own).values(gone_at=_items.c.gone_at))
            word = _words(connection, [item_id]).get(item_id, Word(known) if known else None)
            if word is None or word.gone_at is not None:
                return None
            after = change(word.item)
            _replace(connection, {item_id: after})
            return after.item

        return self.database.write(write)

    def remove(self, item_id: str, known: Item | None) -> bool:
        """Take an item out of the catalogue; False where it was not in it."""
        return self.amend(item_id, known, lambda item: Word(item, now())) is not None

    def find(self, item_id: str) -> Word | None:
        """The last word on an item, None where nothing was said here."""
        return self.database.read(lambda found: _words(found, [item_id])).get(item_id)

    def latest(self) -> int:
        """The place of the latest change, 0 where there is none."""
        [(place,)] = self.database.glance(_LATEST.rows)
        return int(place or 0)

    def since(self, place: int) -> tuple[int, list[Word]]:
        """The place of the latest change, and the items that changed after another, in the order
        of their changes."""
        c = _items.c
        query = select(c.place, c.content, c.gone_at).where(c.place > place).order_by(c.place)
        rows = self.database.glance(lambda found: found.execute(query).all(), LONG)
        words = [Word(json.loads(row.content), row.gone_at) for row in rows]
        return max((row.place for row in rows), default=place), words


def overtake(where: Path | str, imported: Path) -> int:
    """Let what an import says of items count, of which something is said already; returns how many
    there are.

    imported: a Parquet file of the table `items`.
    """
    if not there(where):
        return 0
    with closing(Goods.open(where)) as goods:
        _, words = goods.since(0)
        known = pa.array([item["item_id"] for item, _ in words], pa.string())
        rows = pq.read_table(imported, filters=pc.field("item_id").isin(known)).to_pylist()
        goods.put({name: row.get(name) for name in ITEMS.names} for row in rows)
    return len(rows)


def export(goods: Goods, path: Path) -> int:
    """Write what is said of items as a Parquet file of the table `items`; returns how many.

    An item that is gone has expired when it went. The file appears whole or not at all, and is
    left alone where it says the same already, so that what depends on it stays valid.
    """
    latest, words = goods.since(0)
    if words and _said(path) != (mark := str(latest).encode()):
        rows = sorted((_expired(word) for word in words), key=lambda row: str(row["item_id"]))
        table = pa.Table.from_pylist(rows, ITEMS.with_metadata({_MARK: mark}))
        with atomic(path) as draft:
            pq.write_table(table, draft, compression="zstd")
    return len(words)


_MARK = b"endcap.latest"


def _said(path: Path) -> bytes | None:
    """Up to which change a file says what is said."""
    return (pq.read_schema(path).metadata or {}).get(_MARK) if path.is_file() else None


def _expired(word: Word) -> Item:
    if word.gone_at is None:
        return word.item
    until = word.item.get("expires_at")
    return {**word.item, "expires_at": min(word.gone_at, until or word.gone_at)}


def _words(connection: Connection, ids: Sequence[str]) -> dict[str, Word]:
    c = _items.c
    query = select(c.item_id, c.content, c.gone_at).where(c.item_id.in_(ids))
    rows = connection.execute(query)
    return {row.item_id: Word(json.loads(row.content), row.gone_at) for row in rows}


def _replace(connection: Connection, words: dict[str, Word]) -> None:
    ids = list(words)
    for start in range(0, len(ids), SOME):
        some = ids[start : start + SOME]
        connection.execute(delete(_items).where(_items.c.item_id.in_(some)))
        connection.execute(insert(_items), [_row(id_, words[id_]) for id_ in some])


def _row(item_id: str, word: Word) -> dict[str, Any]:
    content = json.dumps(word.item, ensure_ascii=False)
    return {"item_id": item_id, "gone_at": word.gone_at, "content": content}
