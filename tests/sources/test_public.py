"""The public data sets that people try first."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.samples import take

AT, SECOND = 1_700_000_000_000_000, 1_000_000


def test_retailrocket_properties(tmp_path: Path) -> None:
    shop = take(tmp_path, "retailrocket_properties.csv")
    assert shop.formats == {"retailrocket"}
    items = shop.rows("items", "item_id", "categories", "availability", "attributes")
    assert [(*row[:3], json.loads(row[3])) for row in sorted(items)] == [
        ("1", ["1338"], "out_of_stock", {"790": "n552.000 639502"}),
        ("2", None, "in_stock", {"888": 'say "红"'}),
    ]


def test_otto(tmp_path: Path) -> None:
    shop = take(tmp_path, "otto.jsonl")
    assert shop.formats == {"otto"}
    lost = {"missing_event_type": 1, "missing_item_id": 1, "missing_timestamp": 1}
    lost |= {"unreadable_timestamp": 1, "broken_row": 1}
    assert shop.counts("events") == (3, 0, lost)
    assert shop.rows("events", "session_id", "item_id", "event_type", "timestamp") == [
        ("0", "1517085", "view", 1_659_304_800_025_000),
        ("0", "1563459", "add_to_cart", 1_659_304_904_511_000),
        ("0", "1563459", "purchase", 1_659_304_904_999_000),
    ]


def test_rees46(tmp_path: Path) -> None:
    shop = take(tmp_path, "rees46.csv")
    assert shop.formats == {"rees46"}
    assert shop.counts("events") == (3, 0, {"missing_user_id": 1})
    columns = ("timestamp", "event_type", "item_id", "user_id", "session_id", "price")
    assert shop.rows("events", *columns) == [
        (AT, "view", "44600062", "541312140", "72d76fde", 35.79),
        (AT + SECOND, "add_to_cart", "3900821", "554748717", "9333dfbd", 33.2),
        (AT + 2 * SECOND, "purchase", "3900821", "554748717", "9333dfbd", 30.0),
    ]
    assert sorted(shop.rows("items", "item_id", "categories", "brand", "price")) == [
        ("3900821", ["appliances > environment > water_heater"], "aqua", 30.0),
        ("44600062", ["2103807459595387724"], "shiseido", 35.79),
    ]


def test_movielens_with_names(tmp_path: Path) -> None:
    shop = take(tmp_path, "movielens_ratings.csv")
    assert shop.formats == {"movielens"}
    assert shop.rows("events", "user_id", "item_id", "event_type", "value", "timestamp") == [
        ("1", "1193", "rate", 5.0, AT),
        ("1", "661", "rate", 3.5, AT + SECOND),
        ("2", "661", "rate", None, AT + SECOND),
    ]
    movies = take(tmp_path, "movielens_movies.csv")
    assert movies.rows("items", "item_id", "title", "categories") == [
        ("1", 'American "President", The (1995)', ["Comedy", "Drama"]),
        ("2", "花样年华 (2000)", None),
    ]
    tags = take(tmp_path / "tags", "movielens_tags.csv")
    assert tags.rows("events", "event_type", "context") == [("tag", '{"tag":"必看"}')]
    assert "not learnt from: tag (1)" in " ".join(tags.found["events"].notes)


def test_movielens_without_names(tmp_path: Path) -> None:
    shop = take(tmp_path, "movielens_ratings.dat")
    assert shop.formats == {"movielens"}
    assert shop.counts("events") == (42, 0, {"broken_row": 1})
    assert shop.rows("events", "user_id", "item_id", "value")[:2] == [
        ("1", "1193", 5.0),
        ("1", "661", 3.0),
    ]
    movies = take(tmp_path, "movielens_movies.dat")
    assert movies.rows("items", "item_id", "title", "categories") == [
        ("1", "Toy Story (1995)", ["Animation", "Children's", "Comedy"]),
        ("2", '"Crème", brûlée: a tale (1994)', ["Drama"]),
    ]
    users = take(tmp_path, "movielens_users.dat")
    assert json.loads(users.rows("users", "attributes")[0][0])["gender"] == "F"


def test_online_retail(tmp_path: Path) -> None:
    shop = take(tmp_path, "online_retail.csv")
    assert shop.formats == {"online_retail"}
    lost = {"not_an_item": 2, "correction": 1, "unreadable_timestamp": 1}
    assert shop.counts("events") == (4, 0, lost)
    columns = ("event_type", "user_id", "session_id", "item_id", "timestamp", "quantity", "price")
    first = 1_291_191_960_000_000
    assert shop.rows("events", *columns) == [
        ("purchase", "17850", "536365", "85123A", first, 6.0, 2.55),
        ("refund", "17850", "C536379", "85123A", first + 4500 * SECOND, 1.0, 2.55),
        ("purchase", None, "536414", "22139", first + 12_360 * SECOND, 56.0, 0.0),
        ("purchase", "12680", "581587", "22139", 1_323_435_000_000_000, 2.0, 4.95),
    ]
    assert sorted(shop.rows("items", "item_id", "title", "price", "currency")) == [
        ("22139", "RETROSPOT TEA SET 茶", 4.95, "GBP"),
        ("85123A", 'WHITE HANGING "HEART", LARGE', 2.55, "GBP"),
    ]


def test_online_retail_2(tmp_path: Path) -> None:
    shop = take(tmp_path, "online_retail_2.csv")
    assert shop.formats == {"online_retail"}
    assert shop.rows("events", "user_id", "item_id", "price") == [("13085", "85048", 6.95)]
