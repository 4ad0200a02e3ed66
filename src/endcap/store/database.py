"""One SQLite file that many threads and processes read while one thread of each writes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, Table, create_engine, event, inspect
from sqlalchemy.schema import CreateIndex, CreateTable

T = TypeVar("T")
Job: TypeAlias = Callable[[Connection], T]

GROUP = 64
"""Jobs that are committed together at most."""

PATIENCE = 30
"""Seconds that a statement waits for another process to finish its own."""


class Database:
    """Reads on the caller's thread; writes on one thread, in groups.

    A commit costs a write to the disk, whatever its size. So jobs that come while one is under
    way wait and are committed together, and a hundred writers are as quick as one.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.engine = _engine(path)
        self._waiting: queue.Queue[tuple[Job[Any], Future[Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write, name="store", daemon=True)
        self._thread.start()

    def create(self, metadata: MetaData) -> None:
        """Make the tables that are not there yet, and complete those of an older version."""
        _create(self.engine, metadata)

    def submit(self, job: Job[T]) -> Future[T]:
        """Have a job done; the result is there when it is on the disk."""
        future: Future[T] = Future()
        self._waiting.put((job, future))
        return future

    def close(self) -> None:
        """Do what waits, then stop."""
        self._waiting.put(None)
        self._thread.join()
        self.engine.dispose()

    def _write(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, last = [first], False
            while len(group) < GROUP and not self._waiting.empty():
                if (more := self._waiting.get()) is None:
                    last = True
                    break
                group.append(more)
            self._commit(group)
            if last:
                return

    def _commit(self, group: Sequence[tuple[Job[Any], Future[Any]]]) -> None:
        try:
            with self.engine.begin() as connection:
                results = [job(connection) for job, _ in group]
        except Exception as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for one in group:  # so that a job that fails takes no other down
                self._commit([one])
        else:
            for (_, future), result in zip(group, results, strict=True):
                future.set_result(result)


class Held:
    """Tables of a shop's file of live events, and what is asked of them."""

    metadata: ClassVar[MetaData]

    def __init__(self, database: Database) -> None:
        database.create(self.metadata)
        self.database = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """Made where there is none."""
        return cls(Database(path))

    def close(self) -> None:
        self.database.close()


def _complete(connection: Connection, table: Table) -> None:
    """Add the columns that an older version did not have; they are empty in its rows."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(
                f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}'
            )


def _engine(path: Path) -> Engine:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, pool_size=50, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: Any) -> None:
        # FULL: in WAL mode a commit is lost in a power cut with anything less.
        for setting in ("journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {setting}")

    return engine


def _create(engine: Engine, metadata: MetaData) -> None:
    """Several processes may do this at the same time: each waits until it alone writes."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            _complete(connection, table)
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))
