"""A pause ends a session."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from endcap.tables.prepare import prepare, prepared
from tests.tables.raw_shop import event, raw_shop

MINUTE = 1 / 24 / 60


def test_a_longer_pause_than_the_gap_begins_a_session(tmp_path: Path) -> None:
    minutes = {"b": [0, 30, 61, 62], "a": [5, 100], "c": [1]}
    rows = [
        event(user, f"i{minute}", minute * MINUTE)
        for user, times in minutes.items()
        for minute in times
    ]
    shop = raw_shop(tmp_path, rows)
    assert prepare(shop)["sessions"] == 5
    events = pq.read_table(prepared(shop) / "events.parquet")
    assert events["user"].to_pylist() == [1, 1, 2, 2, 2, 2, 3]
    assert events["session"].to_pylist() == [1, 2, 3, 3, 4, 4, 5]
    assert str(events.schema.field("session").type) == "int32"


def test_the_gap_is_a_setting(tmp_path: Path) -> None:
    rows = [event("u", f"i{n}", n * MINUTE) for n in range(4)]
    shop = raw_shop(tmp_path, rows, changes=["clean.session_gap_minutes=0.5"])
    assert prepare(shop)["sessions"] == 4
