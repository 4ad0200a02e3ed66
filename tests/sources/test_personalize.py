from __future__ import annotations

import json
from pathlib import Path

import pytest

from endcap.errors import SourceError
from tests.sources.samples import take

AT, SECOND = 1_700_000_000_000_000, 1_000_000


def test_interactions_and_what_was_shown(tmp_path: Path) -> None:
    shop = take(tmp_path, "personalize_interactions.csv")
    assert shop.formats == {"personalize"}
    lost = {"missing_user_id": 1, "unreadable_timestamp": 1}
    assert shop.counts("events") == (4, 1, lost)
    columns = ("user_id", "item_id", "event_type", "timestamp", "value", "recommendation_id")
    assert shop.rows("events", *columns) == [
        ("u1", "i2", "view", AT, None, "r-1"),
        ("u1", "i2", "purchase", AT + 60 * SECOND, 19.5, None),
        ("u2", "红裙", "click", AT + 100 * SECOND, None, None),
        ("u3", "i1", "watched half", AT + 200 * SECOND, 0.5, None),
    ]
    (context,) = shop.rows("events", "context")[2]
    assert json.loads(context) == {"DEVICE": 'say "hi"'}
    assert shop.counts("impressions") == (5, 2, {})
    assert shop.rows("impressions", "recommendation_id", "user_id", "item_id", "position") == [
        ("r-1", "u1", "i1", 0),
        ("r-1", "u1", "i2", 1),
        ("r-1", "u1", "i3", 2),
        ("u2-1700000100", "u2", "红裙", 0),
        ("u2-1700000100", "u2", "i1", 1),
    ]
    again = take(tmp_path, "personalize_interactions.csv")
    assert (again.counts("events")[:2], again.counts("impressions")[:2]) == ((0, 5), (0, 7))


def test_items(tmp_path: Path) -> None:
    shop = take(tmp_path, "personalize_items.csv")
    assert shop.formats == {"personalize"}
    assert shop.counts("items") == (2, 0, {"missing_item_id": 1})
    columns = ("item_id", "created_at", "price", "categories", "description", "attributes")
    assert shop.rows("items", *columns) == [
        (
            *("i1", 1_690_000_000_000_000, 19.5, ["Clothes > Dresses"]),
            *('Red, and "long"', '{"GENDER":"Women|Girls"}'),
        ),
        ("红裙", None, None, ["服装"], "红色连衣裙", None),
    ]


def test_users(tmp_path: Path) -> None:
    shop = take(tmp_path, "personalize_users.csv")
    assert shop.formats == {"personalize"}
    assert shop.counts("users") == (2, 1, {})
    users = shop.rows("users", "user_id", "attributes")
    assert [(user, json.loads(said)) for user, said in users] == [
        ("u2", {"MEMBERSHIP": "黄金"}),
        ("u1", {"AGE": "35", "MEMBERSHIP": "gold"}),
    ]


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't be items"):
        take(tmp_path, "personalize_interactions.csv", kind="items")
