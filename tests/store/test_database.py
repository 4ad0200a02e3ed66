"""What holds for the store on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, MetaData, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from endcap.errors import ConfigError, StateError
from endcap.store import database
from endcap.store.address import parsed, shown
from endcap.store.database import Database
from endcap.store.events import LiveEvents, Row, Seen, _newest, events, impressions
from endcap.store.keys import Keys
from tests.store.postgres import Postgres, running
from tests.store.test_events import event, past


def plan(live: LiveEvents) -> str:
    """How the database goes about looking a visitor's past up."""
    word = "EXPLAIN" if live.database.remote else "EXPLAIN QUERY PLAN"
    with live.database.engine.connect() as connection:
        asked = _newest(("view", "purchase"))._text(connection)
        values = asked.parameters({"key": "ann", "limit": 50})
        return "\n".join(map(str, connection.exec_driver_sql(f"{word} {asked.text}", values)))


def test_only_what_is_waited_for_is_forced_onto_the_disk(tmp_path: Path) -> None:
    def forced(connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    normal, full = 1, 2
    with closing(LiveEvents.open(tmp_path / "live.sqlite")) as live:
        assert live.database.submit(forced).result() == normal
        assert live.database.write(forced) == full
        hurried, awaited = live.database.submit(forced), live.database.write(forced)
        assert (hurried.result(), awaited) == (full, full)
        assert live.database.read(forced) == full


def test_what_nobody_waits_for_is_there_for_who_reads_next(live: LiveEvents) -> None:
    live.database.submit(live._appending([event(1, "ann")])).result()
    assert [one.item_id for one in past(live, "ann", ["view"], 5)] == ["item-1"]


def test_rows_are_made_before_the_turn_is_taken(live: LiveEvents) -> None:
    """Another may write meanwhile; and rows that can't be made take nothing else down."""
    made = threading.Event()

    def rows() -> list[Row]:
        with live.database.engine.begin() as other:
            other.execute(text("UPDATE store SET version = version"))
        made.set()
        return [{"recommendation_id": "r", "items": [("a", 1, 0.5, 1.0)]}]

    def unmade() -> list[Row]:
        raise ValueError("nothing is known of it")

    live.shown(rows)
    live.shown(unmade)
    live.shown(list)  # none at all
    assert live.append([event(1, "ann")]) == (1, 0)
    assert made.is_set()
    found = live.database.read(lambda found: found.execute(select(impressions.c["items"])).all())
    assert [*map(tuple, found)] == [('[["a",1,0.5,1.0]]',)]


def test_a_past_is_looked_up_by_index_and_not_sorted(live: LiveEvents) -> None:
    for user in range(50):
        live.append([event(user * 100 + n, f"user-{user}") for n in range(100)])
    with live.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    found = plan(live)
    assert "visitor" in found
    assert "SCAN events" not in found
    assert "Seq Scan" not in found
    assert "B-TREE" not in found
    assert "Sort" not in found.replace("Incremental Sort", "")


def test_a_store_of_a_newer_version_is_refused(where: Path | str) -> None:
    with closing(LiveEvents.open(where)) as live, live.database.engine.begin() as connection:
        connection.execute(text("UPDATE store SET version = 99"))
    with pytest.raises(
        StateError, match=r"of version 99, made by a newer Endcap. Expected at most"
    ):
        LiveEvents.open(where)


def test_a_store_without_a_version_is_brought_forward(tmp_path: Path) -> None:
    """Its rows and indexes are there, and the number of a removed row is not given again."""
    path = tmp_path / "live.sqlite"
    with closing(sqlite3.connect(path)) as old:
        columns = "event_type VARCHAR NOT NULL, user_id VARCHAR, item_id VARCHAR, timestamp BIGINT"
        old.execute(
            "CREATE TABLE events (place INTEGER NOT NULL, event_id VARCHAR NOT NULL, "
            f"{columns}, visitor VARCHAR NOT NULL, PRIMARY KEY (place))"
        )
        old.execute("CREATE UNIQUE INDEX event ON events (event_id)")
        old.execute("INSERT INTO events VALUES (7, 'e', 'view', 'ann', 'a', 1, 'ann')")
        old.commit()
    with closing(LiveEvents.open(path)) as live:
        assert past(live, "ann", ["view"], 5) == [Seen("a", "view", 1)]
        live.database.write(lambda found: found.execute(events.delete()))
        assert live.append([event(1), event(1)]) == (1, 1)
        assert [one.place for one in live.after(0, ["view"], 5)] == [8]


def test_processes_that_open_it_at_once_make_it_once(where: Path | str) -> None:
    with closing(LiveEvents.open(where)) as first, closing(LiveEvents.open(where)) as second:
        assert first.append([event(1)]) == (1, 0)
        assert second.append([event(1)]) == (0, 1)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://me@host/shop", r"can't be kept in 'mysql'. Expected one of sqlite, postgresql"),
        ("live.sqlite", "ENDCAP_DATABASE_URL is not the address of a database"),
    ],
)
def test_an_address_that_is_none(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Database(address)


def test_passwords_are_not_shown() -> None:
    assert shown("postgres://me:secret@host/shop") == "postgresql+psycopg://me:***@host/shop"
    assert parsed("postgres://me:secret@host/shop").password == "secret"  # noqa: S105
    assert shown(Path("/shop/live.sqlite")) == "/shop/live.sqlite"


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server of the test's own, to stop."""
    with running() as server:
        yield server


def test_a_server_that_goes_away_and_comes_back(own: Postgres) -> None:
    """Whoever writes is told, whoever glances is told soon, and all goes on by itself."""
    address = own.database()
    with closing(LiveEvents.open(address)) as live:
        keys = Keys(live.database)
        live.append([event(1)])
        own.stop()
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(SQLAlchemyError):
                past(live, "ann", ["view"], 5)
        with pytest.raises(SQLAlchemyError):
            live.append([event(2)])
        assert time.monotonic() - began < 2
        with closing(LiveEvents.open(address)) as late:  # as in a worker that begins meanwhile
            with pytest.raises(SQLAlchemyError):
                late.append([event(2)])
            own.start()
            assert late.append([event(2)]) == (1, 0)
        time.sleep(database.PAUSE)
        assert [seen.time for seen in past(live, "ann", ["view"], 5)] == [1, 2]
        assert keys.all() == {}


def test_a_server_that_does_not_answer(own: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody holds a lock on the table: nobody waits for long, and nothing is half done."""
    monkeypatch.setattr(database, "STUCK", 0.5)
    with closing(LiveEvents.open(own.database())) as live:
        live.append([event(1)])
        with live.database.engine.begin() as connection:
            connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
            for limit, ask in (
                (0.5, lambda: past(live, "ann", ["view"], 5)),
                (1.5, lambda: live.append([event(2)])),
                (0.1, lambda: live.append([event(3)])),
            ):
                began = time.monotonic()
                with pytest.raises(SQLAlchemyError):
                    ask()
                assert time.monotonic() - began < limit
        while live.database._stuck():
            time.sleep(0.05)
        assert live.append([event(2), event(3)])[1] <= 1  # the first may have been taken in
        time.sleep(database.PAUSE)
        assert [seen.time for seen in past(live, "ann", ["view"], 5)] == [1, 2, 3]


def test_what_comes_after_the_end_is_refused_at_once(where: Path | str) -> None:
    database = Database(where)
    database.close()
    with pytest.raises(SQLAlchemyError, match="closed"):
        database.write(lambda connection: None)


def test_two_may_make_what_could_not_be_made_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[MetaData] = []

    def create(_: Engine, metadata: MetaData) -> None:
        made.append(metadata)
        if len(made) == 2:  # another thread comes meanwhile
            store._make()
        if len(made) == 1:
            raise OperationalError("CREATE", None, Exception("the server is away"))

    with closing(Database(tmp_path / "live.sqlite")) as store:
        monkeypatch.setattr(database, "create", create)
        store.create(MetaData())
        assert store.read(lambda connection: 1) == 1
        assert store.read(lambda connection: 1) == 1
    assert len(made) == 3
