"""From the address of a database to an engine that waits no longer than it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from endcap.errors import ConfigError, words

SQLITE, POSTGRESQL = "sqlite", "postgresql"

DRIVERS = {SQLITE: "sqlite", POSTGRESQL: "postgresql+psycopg"}

PATIENCE = 30
"""Seconds that a statement waits for another process on SQLite to finish its own."""

CONNECT = 2
"""Seconds that a connection to a server may take."""

STATEMENT = 5_000
"""Milliseconds that a statement on a server may take, waiting for others included."""

POOL = 50
"""Connections that a process holds at most: one for each request under way, and the writer's."""


def parsed(where: Path | str) -> URL:
    """A file, or the address of a database, as what SQLAlchemy connects to. Raises ConfigError."""
    if isinstance(where, Path):
        return URL.create(SQLITE, database=str(where))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise ConfigError(
            "ENDCAP_DATABASE_URL is not the address of a database",
            expected="postgresql://user:password@host/database, or sqlite:///path",
        ) from error
    kind = {"postgres": POSTGRESQL}.get(url.get_backend_name(), url.get_backend_name())
    if kind not in DRIVERS:
        raise ConfigError(
            f"The store can't be kept in {kind!r}", expected=f"one of {', '.join(DRIVERS)}"
        )
    return url.set(drivername=DRIVERS[kind])


def shown(where: Path | str) -> str:
    """The same for people: without the password."""
    url = parsed(where)
    return url.database or "" if url.drivername == SQLITE else url.render_as_string()


def cause(error: SQLAlchemyError) -> str:
    """What the database says, without the statement and its parameters."""
    return words(getattr(error, "orig", None) or error)


def there(where: Path | str) -> bool:
    """Whether there may be something: a file is made by who first writes."""
    return not isinstance(where, Path) or where.is_file()


def connect(url: URL) -> Engine:
    """Nothing is connected yet. Raises ConfigError where a driver is missing."""
    if url.drivername == SQLITE:
        return _sqlite(url)
    try:
        return _postgresql(url)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{url.render_as_string()} needs the driver {error.name}",
            mend="pip install 'endcap[postgres]'",
        ) from error


def _sqlite(url: URL) -> Engine:
    Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, pool_size=POOL, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: Any) -> None:
        # FULL: in WAL mode a commit is lost in a power cut with anything less. What is committed is
        # moved to its place by `Checkpoints`.
        settings = ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0")
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")

    return engine


@contextmanager
def unforced(connection: Connection) -> Iterator[None]:
    """While what a connection to SQLite commits is not forced onto the disk. The next commit that
    is takes it along, and so does whoever moves it to its place in the file."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        driver.execute("PRAGMA synchronous = FULL")


def _postgresql(url: URL) -> Engine:
    # The last two notice within seconds that a server is gone without a word.
    arguments = {
        "connect_timeout": CONNECT,
        "options": f"-c statement_timeout={STATEMENT}",
        "tcp_user_timeout": STATEMENT,
        "keepalives_idle": 5,
    }
    return create_engine(
        url, pool_size=POOL, max_overflow=0, pool_timeout=CONNECT, connect_args=arguments
    )
