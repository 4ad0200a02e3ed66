"""Exports of other recommenders: Google Retail, Gorse, Recombee, Metarank, RecBole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from endcap.errors import SourceError
from tests.sources.samples import take

AT, SECOND = 1_700_000_000_000_000, 1_000_000
FIRST = AT - 20 * SECOND
"""14 November 2023, 22:13:00."""


def test_retail_events(tmp_path: Path) -> None:
    shop = take(tmp_path, "retail_events.jsonl")
    assert shop.formats == {"retail"}
    lost = {"broken_row": 1, "missing_item_id": 3, "missing_timestamp": 1}
    assert shop.counts("events") == (9, 0, lost)
    columns = ("event_type", "item_id", "user_id", "position", "quantity", "price", "currency")
    assert shop.rows("events", *columns) == [
        ("impression", "p1", "u7", 0, None, None, None),
        ("impression", "红裙", "u7", 1, None, None, None),
        ("search", None, "u7", None, None, None, None),
        ("impression", "p1", "u7", 0, None, None, None),
        ("view", "p1", "u7", None, None, None, None),
        ("add_to_cart", "p1", "u7", None, 2.0, 19.5, "EUR"),
        ("remove_from_cart", "p1", "u7", None, 1.0, None, None),
        ("purchase", "p1", "u7", None, 2.0, 19.5, "EUR"),
        ("purchase", "4711", "u7", None, 1.0, None, "EUR"),
    ]
    first = shop.rows("events", "query", "recommendation_id", "timestamp", "anonymous_id")[0]
    assert first == ('连衣裙 "夏"', "tok", FIRST + 2 * SECOND, "v1")


def test_retail_products(tmp_path: Path) -> None:
    shop = take(tmp_path, "retail_products.json")
    assert shop.formats == {"retail"}
    assert shop.counts("items") == (2, 0, {"broken_row": 1, "missing_item_id": 1})
    columns = ("item_id", "title", "categories", "brand", "price", "sale_price", "availability")
    assert shop.rows("items", *columns) == [
        (
            *("p1", '红色连衣裙 "Sommer"', ["Clothes > Dresses", "Sale"], "Acme", 19.5, 15.0),
            "in_stock",
        ),
        ("p2", "Shirt", None, None, 5.0, None, "out_of_stock"),
    ]
    image, parent, tags, rest = shop.rows("items", "image_url", "parent_id", "tags", "attributes")[
        0
    ]
    assert (image, parent, tags) == ("https://s/1.jpg", "g1", ["new"])
    assert json.loads(rest)["brands"] == ["Acme", "Other"]
    assert len(json.loads(rest)["images"]) == 2


def test_gorse(tmp_path: Path) -> None:
    shop = take(tmp_path, "gorse_feedback.jsonl")
    assert shop.formats == {"gorse"}
    assert shop.counts("events") == (2, 1, {"missing_user_id": 1, "missing_timestamp": 1})
    assert shop.rows("events", "event_type", "user_id", "item_id", "timestamp") == [
        ("read", "u1", "i1", FIRST + SECOND),
        ("add_to_wishlist", "u1", "红裙", FIRST + 2 * SECOND),
    ]
    items = take(tmp_path, "gorse_items.json")
    assert items.formats == {"gorse"}
    columns = ("item_id", "title", "categories", "availability", "tags")
    assert items.rows("items", *columns) == [
        ("i1", "Dress", ["Clothes > Dresses"], "in_stock", ["red", "new"]),
        ("红裙", None, None, "out_of_stock", None),
    ]
    assert json.loads(items.rows("items", "attributes")[1][0]) == {"Labels": {"colour": "红"}}
    users = take(tmp_path, "gorse_users.jsonl")
    assert users.formats == {"gorse"}
    assert users.rows("users", "user_id", "attributes")[0] == (
        "u1",
        '{"Comment":"","Labels":{"age":34}}',
    )


def test_recombee(tmp_path: Path) -> None:
    shop = take(tmp_path, "recombee.json")
    assert shop.formats == {"recombee"}
    lost = {"not_an_interaction": 4, "missing_timestamp": 1}
    assert shop.counts("events") == (5, 0, lost)
    columns = ("event_type", "item_id", "timestamp", "value", "quantity", "price")
    assert shop.rows("events", *columns) == [
        ("view", "i1", AT, None, None, None),
        ("purchase", "i1", AT + SECOND, None, 2.0, 19.5),
        ("add_to_cart", "红裙", AT + 2 * SECOND, None, None, None),
        ("rate", "i1", AT + 3 * SECOND, -0.5, None, None),
        ("impression", "i1", AT + 4 * SECOND, 0.3, None, None),
    ]
    assert shop.rows("events", "recommendation_id", "context")[0] == (
        "r1",
        '{"params":{"duration":7}}',
    )
    assert shop.rows("items", "item_id", "title", "price", "categories") == [
        ("i1", 'Dress "red"', 19.5, ["Clothes"])
    ]
    assert shop.rows("users", "user_id", "attributes") == [("u1", '{"params":{"country":"中国"}}')]


def test_metarank(tmp_path: Path) -> None:
    shop = take(tmp_path, "metarank.jsonl")
    assert shop.formats == {"metarank"}
    assert shop.counts("events") == (2, 1, {"missing_item_id": 1, "unknown_event": 1})
    columns = ("event_id", "event_type", "item_id", "timestamp", "recommendation_id", "context")
    assert shop.rows("events", *columns) == [
        ("e4", "click", "红裙", AT + 2 * SECOND, "r1", None),
        ("e5", "purchase", "i1", AT + 3 * SECOND, None, '{"amount":2}'),
    ]
    assert shop.rows("impressions", "recommendation_id", "item_id", "position", "user_id") == [
        ("r1", "i1", 0, "u1"),
        ("r1", "红裙", 1, "u1"),
    ]
    ((title, price, categories, rest),) = shop.rows(
        "items", "title", "price", "categories", "attributes"
    )
    assert (title, price, categories) == ('Dress "red"', 19.5, ["a", "b"])
    assert json.loads(rest)["colour"] == "红"
    assert shop.rows("users", "user_id", "attributes") == [("u1", '{"age":34}')]


def test_recbole(tmp_path: Path) -> None:
    shop = take(tmp_path, "recbole.inter")
    assert shop.formats == {"recbole"}
    assert shop.counts("events") == (2, 0, {"missing_timestamp": 1})
    assert shop.rows("events", "user_id", "item_id", "event_type", "value", "timestamp") == [
        ("1", "红裙", "rate", 4.0, AT),
        ("1", "2", "rate", 3.5, AT + SECOND),
    ]
    items = take(tmp_path, "recbole.item")
    assert items.rows("items", "item_id", "title", "categories", "attributes") == [
        ("2", 'Say "hi" now', ["Animation", "Comedy"], '{"release_year":"1995"}'),
        ("红裙", "红色连衣裙", None, None),
    ]
    users = take(tmp_path, "recbole.user")
    assert users.rows("users", "user_id") == [("1",), ("2",)]


def test_recbole_knowledge(tmp_path: Path) -> None:
    """Things keep out of the way of items of the same name; what is there twice is counted."""
    facts = take(tmp_path, "recbole.kg")
    assert facts.formats == {"recbole"}
    assert facts.counts("triples") == (2, 1, {"missing_relation": 1})
    links = take(tmp_path, "recbole.link")
    assert set(links.rows("triples", "head", "relation", "tail")) == {
        ("entity m.01", "music.artist.origin", "entity m.07"),
        ("entity m.02", "music.artist.origin", "entity m.07"),
        ("10", "is", "entity m.01"),
        ("20", "is", "entity m.02"),
        ("99", "is", "entity m.03"),
    }


def test_recbole_without_times_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\n1\t2\n")
    with pytest.raises(SourceError, match="no timestamp:float"):
        take(tmp_path, tmp_path / "x.inter")
