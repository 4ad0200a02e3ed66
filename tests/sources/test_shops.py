"""Exports of shop systems: Shopify and WooCommerce."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.samples import take

AT, SECOND = 1_700_000_000_000_000, 1_000_000


def test_shopify_products(tmp_path: Path) -> None:
    shop = take(tmp_path, "shopify_products.csv")
    assert shop.formats == {"shopify"}
    assert shop.counts("items") == (4, 0, {"image_row": 1})
    columns = ("item_id", "title", "price", "sale_price", "availability", "parent_id")
    assert shop.rows("items", *columns) == [
        ("1001", "红色连衣裙", 25.0, 19.5, "in_stock", "red-dress"),
        ("1002", "红色连衣裙", 19.5, None, "out_of_stock", "red-dress"),
        ("Mug - Blue / Big", "Mug", 7.0, None, "in_stock", "mug"),
        ("Gift card", "Gift card", 10.0, None, "out_of_stock", "card"),
    ]
    about = shop.rows("items", "description", "categories", "brand", "tags", "image_url")[1]
    assert about[1:4] == (["Apparel > Dresses"], "Acme", ["summer", "新款"])
    assert about[4] == "https://cdn/1.jpg"
    assert '"airy"' in about[0]
    assert "<" not in about[0]
    assert json.loads(shop.rows("items", "attributes")[0][0])["Option1 Value"] == "S"


def test_shopify_orders(tmp_path: Path) -> None:
    shop = take(tmp_path, "shopify_orders.csv")
    assert shop.formats == {"shopify"}
    assert shop.counts("events") == (4, 0, {"missing_user_id": 1})
    columns = ("event_id", "event_type", "user_id", "item_id", "timestamp", "price", "quantity")
    li = "li@example.com"
    second = 1_700_038_800_000_000
    assert shop.rows("events", *columns) == [
        ("shopify-#1001-0", "purchase", li, "1001", AT, 19.5, 2.0),
        ("shopify-#1001-1", "purchase", li, "Mug - Blue / Big", AT, 7.0, 1.0),
        ("shopify-#1002-0", "purchase", li, "1002", second, 19.5, 1.0),
        ("shopify-#1002-0-refund", "refund", li, "1002", second + 86_400 * SECOND, 19.5, 1.0),
    ]
    assert shop.rows("events", "currency") == [("EUR",)] * 4
    assert json.loads(shop.rows("events", "context")[0][0])["Notes"] == 'He said "ring"\ntwice'
    assert take(tmp_path, "shopify_orders.csv").counts("events")[:2] == (0, 4)


def test_products_and_orders_speak_of_the_same_items(tmp_path: Path) -> None:
    items = {one for (one,) in take(tmp_path, "shopify_products.csv").rows("items", "item_id")}
    bought = {one for (one,) in take(tmp_path, "shopify_orders.csv").rows("events", "item_id")}
    assert bought <= items


def test_woocommerce_orders(tmp_path: Path) -> None:
    shop = take(tmp_path, "woocommerce_orders.csv")
    assert shop.formats == {"woocommerce"}
    assert shop.counts("events") == (5, 0, {"order_not_placed": 1})
    columns = ("event_id", "event_type", "user_id", "item_id", "timestamp", "price", "quantity")
    assert shop.rows("events", *columns) == [
        ("woocommerce-501-0", "purchase", "7", "d-s", AT, 19.5, 2.0),
        ("woocommerce-501-0-refund", "refund", "7", "d-s", AT, 19.5, 1.0),
        ("woocommerce-501-1", "purchase", "7", "12", AT, 7.0, 1.0),
        ("woocommerce-502-0", "purchase", None, "12", AT + 400 * SECOND, 7.0, 1.0),
        ("woocommerce-502-0-refund", "refund", None, "12", AT + 400 * SECOND, 7.0, 1.0),
    ]
    assert shop.rows("events", "anonymous_id")[3] == ("guest@example.com",)
