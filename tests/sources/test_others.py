"""Formats of services that shops come from, and H&M's public data."""

from __future__ import annotations

from pathlib import Path

from tests.sources.samples import take

SECOND, FIRST = 1_000_000, 1_700_000_000_000_000


def test_predictionio(tmp_path: Path) -> None:
    shop = take(tmp_path, "predictionio.jsonl")
    assert shop.formats == {"predictionio"}
    dropped = {"broken_row": 1, "not_taken": 1, "not_of_a_user": 1}
    assert shop.counts("events") == (3, 0, dropped)
    columns = ("event_type", "user_id", "item_id", "timestamp", "price", "quantity", "value")
    assert shop.rows("events", *columns) == [
        ("view", "u1", "红裙", FIRST, None, None, None),
        ("purchase", "u1", "i2", FIRST + SECOND, 9.5, 2.0, None),
        ("rate", "7", "i2", FIRST + 2 * SECOND, None, None, 4.0),
    ]
    assert shop.counts("items") == (2, 1, {})
    assert sorted(shop.rows("items", "item_id", "title", "categories", "price")) == [
        ("i2", 'Dress, "red"', ["A"], 9.5),
        ("红裙", None, None, None),
    ]
    assert shop.rows("users", "user_id", "attributes") == [("u1", '{"age":33}')]


def test_algolia(tmp_path: Path) -> None:
    shop = take(tmp_path, "algolia.json")
    assert shop.formats == {"algolia"}
    dropped = {"missing_timestamp": 3, "missing_item_id": 1}
    assert shop.counts("events") == (5, 0, dropped)
    columns = ("event_type", "user_id", "anonymous_id", "item_id", "position", "price", "quantity")
    assert shop.rows("events", *columns) == [
        ("click", None, "anon-1", "红裙", 3, None, None),
        ("purchase", "u1", "anon-1", "a", None, 9.5, 2.0),
        ("purchase", "u1", "anon-1", "b", None, 3.5, 1.0),
        ("add_to_cart", None, "anon-2", "a", None, None, None),
        ("conversion", None, "anon-2", "a", None, None, None),
    ]
    assert shop.rows("events", "recommendation_id", "timestamp")[0] == ("q1", FIRST)


def test_schema_org(tmp_path: Path) -> None:
    shop = take(tmp_path, "schema_org.json")
    assert shop.formats == {"schema_org"}
    assert shop.counts("items") == (3, 0, {"missing_item_id": 1, "not_a_product": 1})
    columns = ("item_id", "title", "brand", "price", "availability", "image_url", "parent_id")
    assert shop.rows("items", *columns) == [
        ("7", '连衣裙 "红"', "Acme", 1299.5, "in_stock", "https://shop.example/7.jpg", None),
        ("8", "Shoe", "Zeta", 20.0, "out_of_stock", "https://shop.example/8.jpg", "g1"),
        ("4006381333931", None, None, 3.0, None, None, None),
    ]
    assert shop.rows("items", "categories")[0] == (["Clothes > Dresses"],)


def test_hm(tmp_path: Path) -> None:
    shop = take(tmp_path, "hm_transactions.csv")
    assert shop.formats == {"hm"}
    dropped = {"missing_timestamp": 1, "missing_user_id": 1}
    assert shop.counts("events") == (3, 0, dropped)
    assert sorted(shop.rows("events", "event_type", "user_id", "item_id", "quantity")) == [
        ("purchase", "c,2", "0541518023", 1.0),
        ("purchase", "c1", "0663713001", 1.0),
        ("purchase", "c1", "0663713001", 1.0),
    ]
    assert take(tmp_path, "hm_transactions.csv").counts("events") == (0, 3, dropped)
    goods = take(tmp_path, "hm_articles.csv")
    assert goods.formats == {"hm"}
    assert sorted(goods.rows("items", "item_id", "title", "categories", "parent_id"))[1] == (
        "0663713001",
        'Atlanta "Push" Body, 红',
        ["Ladieswear > Under-, Nightwear > Underwear body"],
        "663713",
    )
