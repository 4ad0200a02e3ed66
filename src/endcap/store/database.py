"""One SQL database that many threads and processes read while one thread of each writes."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, TypeVar

from pydantic_core import to_json
from sqlalchemy import Connection, MetaData, Table, exc
from sqlalchemy.dialects import postgresql, sqlite

from endcap.store.address import SQLITE, connect, parsed, unforced
from endcap.store.checkpoints import Checkpoints
from endcap.store.compiled import Compiled
from endcap.store.file_lock import file_lock
from endcap.store.schema import create, lock_writers

log = logging.getLogger("endcap.store")

T = TypeVar("T")
Job: TypeAlias = Callable[[Connection], T]


def _nothing() -> None:
    """What most jobs need before they are done."""


class Task(NamedTuple):
    """A job, what is told of it, whether somebody waits for that, and what is to be done before it
    that needs no connection."""

    job: Job[Any]
    future: Future[Any]
    awaited: bool
    before: Callable[[], object]

    def begun(self) -> bool:
        """Whether it can be done now."""
        if not self.future.set_running_or_notify_cancel():
            return False
        try:
            self.before()
        except Exception as error:
            log.exception("What is to be written can't be made")
            self.future.set_exception(error)
            return False
        return True


GROUP = 64
"""Jobs that are committed together at most."""

SOON = 0.05
"""Seconds that jobs wait for others which nobody waits for: each commit takes from the processor
what the answers under way need."""

WAITING = 10_000
"""Jobs that may wait; more are refused, as they would only fill the memory."""

STUCK = 5.0
"""Seconds after which a commit that is not done yet is a sign that the database is away."""

GLANCE = 0.25
"""Seconds that a read from a server may take where an answer is possible without it."""

PAUSE = 1.0
"""Seconds that a database which was away is left alone by those who can do without it."""


class Database:
    """Reads on the caller's thread; writes on one thread, in groups.

    A commit costs a write to the disk, whatever its size. So jobs that come while one is under
    way wait and are committed together, and a hundred writers are as quick as one. What nobody
    waits for is not forced onto the disk, so that those who do wait don't wait for that.

    The database may go away and come back. Whoever waits for a write is told within seconds that
    it did not happen, and whoever glances goes on without what it would have seen.
    """

    def __init__(self, where: Path | str) -> None:
        """where: a SQLite file, made where there is none, or the address of a database."""
        url = parsed(where)
        self.engine = connect(url)
        self.remote = url.drivername != SQLITE
        self._waiting: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._turn = None if self.remote or not url.database else Path(f"{url.database}-turn")
        self._checkpoints = Checkpoints(self.engine, self._turn) if self._turn else None
        self._awaited = threading.Event()
        self._since: float | None = None
        self._rested = 0.0
        self._closed = False
        self._unmade: set[MetaData] = set()
        self._glances = ThreadPoolExecutor(32, "glance") if self.remote else None
        self._thread = threading.Thread(target=self._write, name="store", daemon=True)
        self._thread.start()

    def create(self, metadata: MetaData) -> None:
        """Make the tables that are not there yet, and bring those of an older version forward; as
        soon as it can be done. Raises StateError where the store is of a newer version."""
        try:
            create(self.engine, metadata)
        except exc.OperationalError:
            log.exception("The store can't be used yet")
            self._unmade.add(metadata)

    def insert(self, table: Table) -> Any:
        """An insert that can say what to do in a conflict, as the database at hand spells it."""
        return postgresql.insert(table) if self.remote else sqlite.insert(table)

    def read(self, job: Job[T]) -> T:
        """What a job reads."""
        self._make()
        with self.engine.connect() as connection:
            return job(connection)

    def glance(self, job: Job[T], seconds: float = GLANCE) -> T:
        """What a job reads, or an SQLAlchemyError soon: for those who can do without. A server is
        waited for so many seconds."""
        if time.monotonic() < self._rested:
            raise exc.TimeoutError("The store was away a moment ago")
        try:
            return self._bounded(self._glances, job, seconds) if self._glances else self.read(job)
        except (exc.OperationalError, exc.TimeoutError) as error:
            self._rested = time.monotonic() + PAUSE
            log.warning("The store can't be read; doing without it for %g s: %s", PAUSE, error)
            raise

    def _bounded(self, pool: ThreadPoolExecutor, job: Job[T], seconds: float) -> T:
        future = pool.submit(self.read, job)
        try:
            return future.result(seconds)
        except TimeoutError as error:
            future.cancel()
            raise exc.TimeoutError(f"It took longer than {seconds:g} s") from error

    def submit(self, job: Job[T]) -> Future[T]:
        """Have a job done, soon, that nobody waits for; the result is there when it is written. On
        the disk it is with the next job that is waited for, or a second later."""
        return self._put(job, awaited=False)

    def insert_soon(
        self, statement: Compiled, rows: Callable[[], Sequence[Mapping[str, Any]]], json: str
    ) -> None:
        """Have rows written that nobody waits for. They are made right before that: whoever waits
        for what they tell of does not wait for them, and nor does who writes meanwhile.

        json: the column of which they have values that are written as JSON.
        """

        @cache
        def made() -> list[dict[str, Any]]:
            return [{**row, json: _text(row[json])} for row in rows()]

        self._put(lambda found: made() and statement.each(found, made()), made, awaited=False)

    def _put(
        self, job: Job[T], before: Callable[[], object] = _nothing, *, awaited: bool
    ) -> Future[T]:
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(exc.InvalidRequestError("The store is closed"))
        elif self._stuck() or self._waiting.qsize() >= WAITING:
            future.set_exception(exc.TimeoutError("The database does not take what waits for it"))
        else:
            self._waiting.put(Task(job, future, awaited, before))
        return future

    def write(self, job: Job[T]) -> T:
        """Have a job done and wait for it. Raises SQLAlchemyError where it was not done, or where
        nobody can say: so doing it again must be harmless."""
        future = self._begun(job)
        while not wait({future}, STUCK).done:
            self._give_up(future)
        return future.result()

    async def written(self, job: Job[T]) -> T:
        """The same on an event loop, which goes on meanwhile."""
        future = asyncio.wrap_future(self._begun(job))
        while not (await asyncio.wait({future}, timeout=STUCK))[0]:
            self._give_up(future)
        return future.result()

    def _begun(self, job: Job[T]) -> Future[T]:
        future = self._put(job, awaited=True)
        self._awaited.set()
        return future

    def _give_up(self, future: Future[Any] | asyncio.Future[Any]) -> None:
        if self._stuck():
            future.cancel()
            raise exc.TimeoutError("The database did not take it in time")

    def close(self) -> None:
        """Do what waits, then stop; a database that is away is not waited for."""
        self._closed = True
        self._waiting.put(None)
        self._awaited.set()
        self._thread.join(2 * STUCK)
        if self._checkpoints is not None:
            self._checkpoints.stop()
        if self._glances is not None:
            self._glances.shutdown(wait=False, cancel_futures=True)
        self.engine.dispose()

    def _make(self) -> None:
        """The tables that could not be made at first. They may be made twice, which is no harm."""
        for metadata in tuple(self._unmade):
            create(self.engine, metadata)
            self._unmade.discard(metadata)

    def _stuck(self) -> bool:
        since = self._since
        return since is not None and time.monotonic() - since > STUCK

    def _write(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._awaited.wait(SOON)
            self._awaited.clear()
            group, last = [first], False
            while len(group) < GROUP and not self._waiting.empty():
                if (more := self._waiting.get()) is None:
                    last = True
                    break
                group.append(more)
            if not self._waiting.empty():  # somebody may wait for one of those
                self._awaited.set()
            self._commit([one for one in group if one.begun()])
            self._since = None
            if last:
                return

    def _commit(self, group: Sequence[Task]) -> None:
        self._since = time.monotonic()
        try:
            self._make()
            with file_lock(self._turn), self.engine.connect() as connection:
                results = self._done(connection, group)
        except Exception as error:
            # A database that is away, full or read-only is so for all of them.
            if len(group) == 1 or isinstance(error, exc.OperationalError | exc.TimeoutError):
                for one in group:
                    one.future.set_exception(error)
                return
            for one in group:  # so that a job that fails takes no other down
                self._commit([one])
        else:
            if self._checkpoints is not None:
                self._checkpoints.due()
            for one, result in zip(group, results, strict=True):
                one.future.set_result(result)

    def _done(self, connection: Connection, group: Sequence[Task]) -> list[Any]:
        """What the jobs give, once they are committed."""
        forced = self.remote or any(one.awaited for one in group)
        with nullcontext() if forced else unforced(connection), connection.begin():
            lock_writers(connection)
            return [one.job(connection) for one in group]


def _text(value: Any) -> str:
    return to_json(value, inf_nan_mode="null").decode()


class Held:
    """Tables of a shop's store, and what is asked of them."""

    metadata: ClassVar[MetaData]

    def __init__(self, database: Database) -> None:
        database.create(self.metadata)
        self.database = database

    @classmethod
    def open(cls, where: Path | str) -> Self:
        """where: a SQLite file, made where there is none, or the address of a database."""
        return cls(Database(where))

    def close(self) -> None:
        self.database.close()
