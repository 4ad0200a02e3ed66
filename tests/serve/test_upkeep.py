from __future__ import annotations

import logging
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from endcap.config import Shop, alone
from endcap.serve import upkeep
from endcap.serve.upkeep import Upkeep
from endcap.store.events import LiveEvents
from endcap.types import DAY
from tests.store.test_events import event


def test_events_go_to_the_tables_and_then_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upkeep, "FEWEST", 3)
    shop, now = Shop.open(tmp_path, ["store.keep_days = 10", "store.compact_minutes = 1e-4"]), 0
    with closing(LiveEvents.open(shop.live)) as live:
        work = Upkeep(shop, live.database, lambda: now)

        def left() -> int:
            with live.database.engine.connect() as connection:
                return int(connection.execute(text("SELECT count(*) FROM events")).scalar_one())

        live.append([event(1), event(2)])
        work.once()
        assert not list(tmp_path.glob("tables/events/*.parquet")), "too few to be worth it"
        live.append([event(3)])
        with alone(shop.tables, "compaction"):
            work.once()  # another is at it
        work.once()
        [file] = tmp_path.glob("tables/events/*.parquet")
        assert (pq.read_metadata(file).num_rows, left()) == (3, 3)
        now = 11 * DAY
        work.start()
        while left():
            pass
        work.stop()
        live.database.write(lambda found: found.execute(text("DROP TABLE events")))
        with caplog.at_level(logging.ERROR):
            work.once()
        assert "will be tried again" in caplog.text
        assert "no such table" in caplog.text, "what the process said"


def test_a_defect_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upkeep, "let_go", lambda *_, **__: 1 / 0)
    shop = Shop.open(tmp_path)
    with closing(LiveEvents.open(shop.live)) as live, caplog.at_level(logging.ERROR):
        Upkeep(shop, live.database, lambda: 0).once()
    assert "will be tried again" in caplog.text


def test_who_stops_does_not_wait_for_what_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = tmp_path / "begun"
    sleeper = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)"
    monkeypatch.setattr(upkeep, "COMPACT", (sys.executable, "-c", sleeper))
    shop = Shop.open(tmp_path, ["store.compact_minutes = 1e-4"])
    with closing(LiveEvents.open(shop.live)) as live, caplog.at_level(logging.ERROR):
        work = Upkeep(shop, live.database, lambda: 0)
        work.start()
        while not begun.exists():
            time.sleep(0.01)
        work.stop()
    assert not caplog.text
