"""What stays of a log, and why the rest goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.errors import DataError
from endcap.tables.prepare import prepare, prepared
from endcap.tables.prepare.cleaning import REASONS
from endcap.tables.schema import EVENTS
from tests.tables.raw_shop import DAY, START, event, raw_shop, write


def dropped(folder: Path, rows: list[dict[str, Any]], *changes: str) -> dict[str, int]:
    report = prepare(raw_shop(folder, rows, changes=changes))
    assert report["read"] == len(rows)
    assert report["events"] == len(rows) - sum(report["dropped"].values())
    assert set(report["dropped"]) <= set(REASONS)
    counts: dict[str, int] = report["dropped"]
    return counts


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (event(None, "a"), "missing_visitor"),
        (event("", "a"), "missing_visitor"),
        (event("u", None), "missing_item"),
        (event("u", ""), "missing_item"),
        (event("u", None, event_type="begin_checkout"), "without_item"),
        (event("u", "a") | {"timestamp": None}, "missing_time"),
        (event("u", "a") | {"timestamp": 0}, "too_early"),
        (event("u", "a") | {"timestamp": int(time.time() * 1e6) + 2 * DAY}, "in_the_future"),
        (event("u", "a", event_type="impression"), "unused_type"),
        (event("u", "a", event_type="danced"), "unused_type"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    assert dropped(tmp_path, [event("u", "a"), event("u", "b", 1), row]) == {reason: 1}


def test_a_clock_may_be_a_little_ahead(tmp_path: Path) -> None:
    soon = event("u", "a") | {"timestamp": int(time.time() * 1e6) + DAY // 2}
    assert dropped(tmp_path, [event("u", "b"), soon]) == {}


def test_the_first_id_that_a_row_has_names_the_visitor(tmp_path: Path) -> None:
    rows = [
        event("u", "a", anonymous_id="v"),
        event(None, "a", 1, anonymous_id="v", session_id="w"),
        event("", "a", 2, session_id="w"),
    ]
    shop = raw_shop(tmp_path, rows)
    prepare(shop)
    users = pq.read_table(prepared(shop) / "users.parquet")["user_id"].to_pylist()
    assert users == ["u", "v", "w"]


def test_an_event_id_counts_once_over_all_files(tmp_path: Path) -> None:
    rows = [event("u", "a"), event("u", "b", 1)]
    write(tmp_path, "events", rows)
    write(tmp_path, "events", [*rows, event("u", "c", 2)])
    report = prepare(raw_shop(tmp_path, []))
    assert (report["events"], report["dropped"]) == (3, {"duplicate": 2})


def test_a_view_counts_once_a_moment_but_a_basket_may_hold_a_product_twice(tmp_path: Path) -> None:
    rows = [
        event("u", "a", event_type=kind, event_id=f"{kind}-{line}")
        for kind in ("view", "click", "purchase")
        for line in range(3)
    ]
    assert dropped(tmp_path, rows) == {"duplicate": 4}


def test_a_good_row_is_no_duplicate_of_a_bad_one(tmp_path: Path) -> None:
    good = event("u", "a")
    assert dropped(tmp_path, [good | {"timestamp": None}, good]) == {"missing_time": 1}


def test_a_bot_goes_with_all_it_did(tmp_path: Path) -> None:
    rows = [event("bot", f"i{n}", n / 1000) for n in range(11)] + [event("bot", "x", 30)]
    rows += [event("human", f"i{n}", n) for n in range(20)]
    assert dropped(tmp_path, rows, "clean.bot_events_per_day=10") == {"bot": 12}


def test_impressions_make_nobody_a_bot(tmp_path: Path) -> None:
    rows = [event("u", f"i{n}", n / 1000, event_type="impression") for n in range(30)]
    rows.append(event("u", "a"))
    assert dropped(tmp_path, rows, "clean.bot_events_per_day=10") == {"unused_type": 30}


def test_items_that_the_catalogue_does_not_list_stay_or_go(tmp_path: Path) -> None:
    rows = [event("u", "listed"), event("u", "unlisted", 1)]
    kept = prepare(raw_shop(tmp_path / "keep", rows, [{"item_id": "listed"}]))
    assert (kept["items"], kept["dropped"]) == (2, {})
    drop = ["clean.unknown_items=drop"]
    gone = prepare(raw_shop(tmp_path / "drop", rows, [{"item_id": "listed"}], changes=drop))
    assert (gone["items"], gone["dropped"]) == (1, {"unknown_item": 1})


def test_types_that_are_not_in_use_are_named(tmp_path: Path) -> None:
    rows = [event("u", "a"), event("u", "b", 1)]
    rows += [event("u", "a", n, event_type="跳舞") for n in range(3)]
    report = prepare(raw_shop(tmp_path, rows))
    assert report["unused_types"] == {"跳舞": 3}
    check = next(check for check in report["checks"] if check["name"] == "event_types")
    assert check["status"] == "warn"
    assert "跳舞 3" in check["detail"]


def test_when_nothing_is_left_the_error_says_what_went_and_why(tmp_path: Path) -> None:
    rows = [event(None, "a"), event("u", None), event("u", "a", event_type="danced")]
    with pytest.raises(DataError) as error:
        prepare(raw_shop(tmp_path, rows))
    text = str(error.value)
    for part in ("Of 3 imported events none is left", "1 missing_visitor", "danced 1", "[events]"):
        assert part in text


def test_one_visitor_with_a_million_events_in_a_day(tmp_path: Path) -> None:
    n = 1_000_000
    write(tmp_path, "events", [event("human", f"i{day}", day) for day in range(3)])
    columns = {field.name: pa.nulls(n, field.type) for field in EVENTS}
    columns["event_id"] = pa.array(range(n)).cast(pa.string())
    columns["event_type"] = pa.repeat("view", n)
    columns["user_id"] = pa.repeat("crawler", n)
    columns["item_id"] = pa.repeat("i1", n)
    columns["timestamp"] = pa.array(range(START, START + n))
    path = tmp_path / "tables" / "events" / "000002-many.parquet"
    pq.write_table(pa.table(columns, EVENTS), path)
    report = prepare(raw_shop(tmp_path, []))
    assert (report["events"], report["dropped"]) == (3, {"bot": n})
