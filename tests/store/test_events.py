from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from endcap.store.events import (
    OF_AN_ITEM,
    LiveEvents,
    Seen,
    events,
    impressions,
    newest,
    shown_by,
)


def event(number: int, user: str = "ann", **more: Any) -> dict[str, Any]:
    row = {"event_id": f"e{number}", "event_type": "view", "user_id": user}
    return {**row, "item_id": f"item-{number}", "timestamp": number, **more}


def past(live: LiveEvents, visitor: str, kinds: Sequence[str], limit: int) -> list[Seen]:
    """A visitor's newest events, as answers read them."""
    return live.database.glance(lambda connection: newest(connection, visitor, kinds, limit))


def test_an_event_counts_once(live: LiveEvents) -> None:
    assert live.append([event(1), event(2), event(1)]) == (2, 1)
    assert live.append([event(2), event(3)]) == (1, 1)
    assert [seen.time for seen in past(live, "ann", ["view"], 10)] == [1, 2, 3]
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
        key: [seen.time for seen in past(live, key, ["view"], 9)]
        for key in ("ann", "device", "visit", "nobody")
    }
    assert times == {"ann": [1], "device": [2], "visit": [3], "nobody": []}


def test_the_newest_events_of_the_asked_types(live: LiveEvents) -> None:
    live.append([event(n) for n in range(9)])
    live.append([event(20, event_type="search"), event(21, item_id=None), event(22, user="bob")])
    assert past(live, "ann", ["view"], 2) == [
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
    live.shown(lambda: [{"recommendation_id": "r", "items": [("a", 1, 0.5, 1.0)]}])
    live.append([event(1)])  # one thread writes, in the order in which it was asked
    with live.database.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(impressions)).scalar() == 1


APPEND = """
import os, signal, sys
from pathlib import Path
from endcap.store.events import LiveEvents
where = sys.argv[1]
live = LiveEvents.open(where if "://" in where else Path(where))
live.append([{"event_id": "e", "event_type": "view", "user_id": "ann", "item_id": "a",
              "timestamp": 1}])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_appended_survives_a_kill(where: Path | str) -> None:
    done = subprocess.run([sys.executable, "-c", APPEND, where], check=False)  # noqa: S603
    assert done.returncode == -9
    live = LiveEvents.open(where)
    assert past(live, "ann", ["view"], 1) == [Seen("a", "view", 1)]
    live.close()


MANY = """
import sys
from pathlib import Path
from endcap.store.events import LiveEvents
where = sys.argv[1]
live = LiveEvents.open(where if "://" in where else Path(where))
accepted = 0
for number in range(40):
    rows = [{"event_id": f"e{number * 10 + n}", "event_type": "view", "user_id": "ann",
             "item_id": "a", "timestamp": 1} for n in range(10)]
    accepted += live.append(rows)[0]
live.close()
print(accepted)
"""


def test_an_event_counts_once_from_whatever_process(where: Path | str) -> None:
    """Two processes send the same 400 events at the same time, while a third reads in the order of
    their places, and misses none."""
    live = LiveEvents.open(where)
    command = [sys.executable, "-c", MANY, str(where)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(2)
    ]
    read: list[int] = []
    while any(one.poll() is None for one in both) or live.after(max(read, default=0), ["view"], 1):
        read += [one.place for one in live.after(max(read, default=0), ["view"], 50)]
    assert sum(int(one.communicate()[0]) for one in both) == 400
    assert len(read) == len(set(read)) == 400
    live.close()


def test_a_store_of_an_older_version_is_completed(tmp_path: Path) -> None:
    """What it holds stays, and a column that is new is written."""
    path = tmp_path / "live.sqlite"
    with closing(LiveEvents.open(path)) as live:
        live.append([event(1, currency="EUR")])
    with closing(sqlite3.connect(path)) as older:
        older.execute("ALTER TABLE events DROP COLUMN currency")
    with closing(LiveEvents.open(path)) as live:
        live.append([event(2, currency="CNY")])
        with live.database.engine.connect() as connection:
            query = select(events.c.event_id, events.c.currency).order_by(events.c.place)
            assert connection.execute(query).all() == [("e1", None), ("e2", "CNY")]


@pytest.mark.parametrize("chances", [True, False])
def test_impressions_of_an_older_store_go_into_answers(where: Path | str, chances: bool) -> None:
    """They had a row for each item. Each keeps its place, up to which they may be in Parquet."""
    given = {"item_id": "TEXT", "position": "INTEGER", "score": "FLOAT", "propensity": "FLOAT"}
    columns = [*given] if chances else [*given][:3]
    with closing(LiveEvents.open(where)) as live, live.database.engine.begin() as older:
        for step in (
            "ALTER TABLE impressions DROP COLUMN items",
            *(f"ALTER TABLE impressions ADD COLUMN {name} {given[name]}" for name in columns),
            "CREATE INDEX shown ON impressions (recommendation_id)",
            "INSERT INTO impressions (recommendation_id, item_id, position, score)"
            """ VALUES ('r', '张"三', 7, 0.1)""",
            *(["UPDATE impressions SET propensity = 0.25"] if chances else []),
            "UPDATE store SET version = 1",
        ):
            older.exec_driver_sql(step)
    with closing(LiveEvents.open(where)) as live:
        live.shown(lambda: [{"recommendation_id": "new", "items": [("b", 1, 0.5, 1.0)]}])
        live.database.submit(lambda connection: None).result()
        with live.database.engine.connect() as connection:
            query = select(impressions).order_by(impressions.c.place)
            old, new = connection.execute(query).mappings().all()
    assert (old["place"], new["place"]) == (1, 2)
    [shown] = shown_by(old)
    assert [shown[name] for name in OF_AN_ITEM] == ['张"三', 7, 0.1, 0.25 if chances else None]
    assert [row["item_id"] for row in shown_by(new)] == ["b"]
