from __future__ import annotations

import json
from pathlib import Path

from tests.sources.samples import take

AT = 1_700_000_000_000_000
SECOND = 1_000_000


def test_calls(tmp_path: Path) -> None:
    shop = take(tmp_path, "segment.jsonl")
    assert shop.formats == {"segment"}
    lost = {"broken_row": 1, "not_track": 1, "missing_user_id": 1, "unreadable_timestamp": 1}
    assert shop.counts("events") == (13, 2, {**lost, "missing_item_id": 4})
    columns = ("event_id", "event_type", "item_id", "user_id", "position", "price", "quantity")
    assert shop.rows("events", *columns) == [
        ("m-1", "search", None, None, None, None, None),
        ("m-2-0", "impression", "p1", None, 1, None, None),
        ("m-2-1", "impression", "p2", None, 2, None, None),
        ("m-2-2", "impression", "s3", None, 3, None, None),
        ("m-3", "click", "p1", None, 1, None, None),
        ("m-4", "view", "p1", None, None, 19.5, None),
        ("m-5", "add_to_cart", "p1", None, None, 19.5, 2.0),
        ("m-6", "remove_from_cart", "p1", None, None, None, 1.0),
        ("m-7", "add_to_wishlist", "4711", None, None, None, None),
        ("m-9-0", "purchase", "p1", "u-7", None, 19.5, 2.0),
        ("m-9-1", "purchase", "p2", "u-7", None, 5.0, 1.0),
        ("m-11-0", "refund", "p2", "u-7", None, None, 1.0),
        ("m-13", "rate", "p1", "u-7", None, None, None),
    ]
    assert shop.rows("events", "query", "timestamp")[0] == ('连衣裙 "夏"', AT - 19 * SECOND)
    assert shop.rows("events", "placement", "anonymous_id")[1] == ("summer", "a-1")
    assert shop.rows("events", "value")[-1] == (4.0,)
    (context,) = shop.rows("events", "context")[5]
    assert json.loads(context)["properties"] == {"name": "红色连衣裙"}
    assert json.loads(context)["context"]["page"]["title"] == 'Say "hi"'
    assert shop.counts("users") == (1, 0, {})
    ((user, born, traits),) = shop.rows("users", "user_id", "created_at", "attributes")
    assert (user, born) == ("u-7", 1_577_836_800_000_000)
    assert json.loads(traits)["plan"] == "黄金"


def test_what_was_not_taken_is_named(tmp_path: Path) -> None:
    notes = " ".join(take(tmp_path, "segment.jsonl").found["events"].notes)
    assert "dropped: purchase (2), Coupon Applied (1), refund (1)" in notes


def test_a_batch_holds_the_same_calls(tmp_path: Path) -> None:
    batch = take(tmp_path, "segment_batch.json")
    assert batch.formats == {"segment"}
    assert batch.counts("events") == (3, 0, {"missing_item_id": 1})
    columns = ("event_id", "item_id", "timestamp")
    assert batch.rows("events", *columns)[0] == ("m-4", "p1", AT)
    assert batch.rows("users", "user_id") == [("u-7",)]
    assert take(tmp_path, "segment.jsonl").counts("events")[:2] == (10, 5)
