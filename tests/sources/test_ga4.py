from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.sources.samples import DATA, take

SECOND, FIRST = 1_000_000, 1_700_000_000_000_000
EXPORT = "ga4_export.jsonl"


def test_the_export(tmp_path: Path) -> None:
    shop = take(tmp_path, EXPORT)
    assert shop.formats == {"ga4"}
    assert shop.counts("events") == (
        *(11, 2),
        {"broken_row": 1, "missing_item_id": 4},
    )
    columns = ("event_type", "item_id", "user_id", "position", "price", "quantity", "currency")
    dress = "红裙-1"
    assert shop.rows("events", *columns) == [
        ("impression", "sku-1", None, 0, None, None, None),
        ("impression", "sku-2", None, 1, None, None, None),
        ("impression", "sku-3", None, 2, None, None, None),
        ("view", dress, None, None, 19.5, None, None),
        ("search", None, None, None, None, None, None),
        ("add_to_cart", dress, None, None, 19.5, 2.0, "EUR"),
        ("purchase", dress, "u-7", None, 19.5, 2.0, "EUR"),
        ("purchase", "sku-2", "u-7", None, 5.0, 1.0, "EUR"),
        ("refund", "sku-2", "u-7", None, 5.0, 1.0, None),
        ("purchase", "sku-3", None, None, None, 1.0, None),
        ("purchase", "sku-3", None, None, None, 1.0, None),
    ]
    assert shop.rows("events", "query")[4] == ('连衣裙 "夏"',)
    first = shop.rows("events", "timestamp", "anonymous_id", "session_id", "placement")[0]
    assert first == (FIRST + 2 * SECOND, "1001.1699", "1001.1699-1700000000", "Search")
    assert shop.rows("events", "value")[5] == (39.0,)
    (context,) = shop.rows("events", "context")[3]
    assert json.loads(context)["items"]["item_name"] == "红色连衣裙"
    assert json.loads(context)["device"] == {"category": "mobile", "language": "zh-cn"}


def test_parquet_and_json_hold_the_same_events(tmp_path: Path) -> None:
    lines = (DATA / EXPORT).read_text(encoding="utf-8-sig").splitlines()[:-1]
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["event_timestamp"] = int(row["event_timestamp"])
        for pair in row["event_params"]:
            whole = pair["value"]["int_value"]
            pair["value"]["int_value"] = whole and int(whole)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "export.parquet")
    shop = take(tmp_path, tmp_path / "export.parquet")
    assert shop.counts("events") == (11, 2, {"missing_item_id": 4})
    columns = ("event_type", "item_id", "session_id", "timestamp", "price", "query", "value")
    assert shop.rows("events", *columns) == take(tmp_path / "json", EXPORT).rows("events", *columns)


def test_an_overlapping_export_adds_only_what_is_new(tmp_path: Path) -> None:
    lines = (DATA / EXPORT).read_text(encoding="utf-8-sig").splitlines()
    (tmp_path / "first.jsonl").write_text("\n".join(lines[:7]), encoding="utf-8")
    assert take(tmp_path, tmp_path / "first.jsonl").counts("events")[:2] == (8, 0)
    assert take(tmp_path, EXPORT).counts("events")[:2] == (3, 10)


def test_the_protocol(tmp_path: Path) -> None:
    shop = take(tmp_path, "ga4_protocol.json")
    assert shop.formats == {"ga4"}
    assert shop.counts("events") == (4, 0, {"missing_item_id": 2})
    columns = ("event_type", "item_id", "user_id", "timestamp", "price", "query", "session_id")
    session = "1001.1699-1700000000"
    assert shop.rows("events", *columns) == [
        ("view", "红裙-1", "u-7", FIRST, 19.5, None, session),
        ("purchase", "红裙-1", "u-7", FIRST + 60 * SECOND, 19.5, None, session),
        ("purchase", "4711", "u-7", FIRST + 60 * SECOND, 5.0, None, session),
        ("search", None, "u-7", FIRST, None, "dress", None),
    ]
    assert take(tmp_path, "ga4_protocol.json").counts("events")[:2] == (0, 4)
