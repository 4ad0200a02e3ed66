from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from endcap.store.events import LiveEvents, Seen, export, impressions
from endcap.tables.schema import EVENTS


def event(number: int, user: str = "ann", **more: Any) -> dict[str, Any]:
    row = {"event_id": f"e{number}", "event_type": "view", "user_id": user}
    return {**row, "item_id": f"item-{number}", "timestamp": number, **more}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveEvents]:
    opened = LiveEvents.open(tmp_path / "live.sqlite")
    yield opened
    opened.close()


def test_an_event_counts_once(live: LiveEvents) -> None:
    assert live.append([event(1), event(2), event(1)]) == (2, 1)
    assert live.append([event(2), event(3)]) == (1, 1)
    assert [seen.time for seen in live.of_visitor("ann", ["view"], 10)] == [1, 2, 3]
    assert live.append([]) == (0, 0)


def test_a_visitor_is_the_person_the_device_or_the_session(live: LiveEvents) -> None:
    live.append(
        [
            event(1, anonymous_id="device"),
            event(2, user_id=None, anonymous_id="device"),
            event(3, user_id=None, session_id="visit"),
        ]
    )
    times = {
        key: [seen.time for seen in live.of_visitor(key, ["view"], 9)]
        for key in ("ann", "device", "visit", "nobody")
    }
    assert times == {"ann": [1], "device": [2], "visit": [3], "nobody": []}


def test_the_newest_events_of_the_asked_types(live: LiveEvents) -> None:
    live.append([event(n) for n in range(9)])
    live.append([event(20, event_type="search"), event(21, item_id=None), event(22, user="bob")])
    assert live.of_visitor("ann", ["view"], 2) == [
        Seen("item-7", "view", 7),
        Seen("item-8", "view", 8),
    ]


def test_many_writers_lose_nothing(live: LiveEvents) -> None:
    def write(worker: int) -> int:
        return sum(live.append([event(worker * 50 + n)])[0] for n in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 400


def test_a_failing_write_takes_no_other_down(live: LiveEvents) -> None:
    with ThreadPoolExecutor(8) as pool:
        good = [pool.submit(live.append, [event(n)]) for n in range(20)]
        bad = [pool.submit(live.append, [event(99, event_type=None)]) for _ in range(5)]
    assert sum(one.result()[0] for one in good) == 20
    for one in bad:
        with pytest.raises(SQLAlchemyError):
            one.result()


def test_what_was_shown_is_written_later(live: LiveEvents) -> None:
    live.shown([{"recommendation_id": "r", "item_id": "a", "position": 1, "score": 0.5}])
    live.append([event(1)])  # one thread writes, in the order in which it was asked
    with live.database.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(impressions)).scalar() == 1


def test_export_has_the_columns_of_the_table(live: LiveEvents, tmp_path: Path) -> None:
    file = tmp_path / "tables" / "events" / "live.parquet"
    path = tmp_path / "live.sqlite"
    assert export(path, file) == 0
    assert not file.exists()
    live.append([event(1, context='{"页": 1}', price=2.5), event(2, user="张三")])
    assert export(path, file) == 2
    table = pq.read_table(file)
    assert table.schema.equals(EVENTS)
    assert table["user_id"].to_pylist() == ["ann", "张三"]
    assert table["context"].to_pylist() == ['{"页": 1}', None]
    assert [one.name for one in file.parent.iterdir()] == ["live.parquet"]


def test_export_leaves_a_complete_file_alone(live: LiveEvents, tmp_path: Path) -> None:
    file = tmp_path / "live.parquet"
    live.append([event(1)])
    export(tmp_path / "live.sqlite", file)
    before = file.stat().st_mtime_ns
    assert export(tmp_path / "live.sqlite", file) == 1
    assert file.stat().st_mtime_ns == before
    live.append([event(2)])
    assert export(tmp_path / "live.sqlite", file) == 2
    assert pq.read_metadata(file).num_rows == 2


def test_no_store_no_export(tmp_path: Path) -> None:
    assert export(tmp_path / "none.sqlite", tmp_path / "live.parquet") == 0
    assert not list(tmp_path.iterdir())


APPEND = """
import os, signal, sys
from pathlib import Path
from endcap.store.events import LiveEvents
live = LiveEvents.open(Path(sys.argv[1]))
live.append([{"event_id": "e", "event_type": "view", "user_id": "ann", "item_id": "a",
              "timestamp": 1}])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "live.sqlite"
    done = subprocess.run([sys.executable, "-c", APPEND, path], check=False)  # noqa: S603
    assert done.returncode == -9
    live = LiveEvents.open(path)
    assert live.of_visitor("ann", ["view"], 1) == [Seen("a", "view", 1)]
    live.close()


def test_a_store_of_an_older_version_is_completed(tmp_path: Path) -> None:
    """What it holds stays, and what is new is written."""
    path = tmp_path / "live.sqlite"
    with closing(LiveEvents.open(path)) as live:
        live.shown([{"recommendation_id": "old", "item_id": "a"}])
        live.database.submit(lambda connection: None).result()
    with closing(sqlite3.connect(path)) as older:
        older.execute("ALTER TABLE impressions DROP COLUMN propensity")
    with closing(LiveEvents.open(path)) as live:
        live.shown([{"recommendation_id": "new", "item_id": "b", "propensity": 0.25}])
        live.database.submit(lambda connection: None).result()
        with live.database.engine.connect() as connection:
            columns = impressions.c.recommendation_id, impressions.c.propensity
            assert connection.execute(select(*columns)).all() == [("old", None), ("new", 0.25)]
