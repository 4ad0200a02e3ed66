from __future__ import annotations

import json
from pathlib import Path

import pytest

from endcap.errors import SourceError
from tests.sources.samples import take

COLUMNS = ("item_id", "title", "price", "sale_price", "currency", "availability", "categories")

BOMB = """<?xml version="1.0"?>
<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><item><id>&b;</id><title>t</title><link>l</link></item></channel></rss>
"""
OUTSIDE = BOMB.replace('"aaaaaaaaaa"', 'SYSTEM "file:///etc/passwd"').replace("&a;", "")


def test_text(tmp_path: Path) -> None:
    shop = take(tmp_path, "merchant.tsv")
    assert shop.formats == {"merchant"}
    assert shop.counts("items") == (2, 1, {"missing_item_id": 1})
    assert shop.rows("items", *COLUMNS) == [
        (
            *("sku-1", '红色连衣裙 "Sommer"', 19.5, 15.0, "EUR", "in_stock"),
            ["Clothes > Dresses"],
        ),
        ("sku-2", "Shirt, new", 1299.0, None, "EUR", "preorder", ["1604"]),
    ]
    first = shop.rows("items", "url", "image_url", "parent_id", "expires_at", "attributes")[0]
    assert first[:3] == ("https://shop/p/1", "https://shop/1.jpg", "g-1")
    assert first[3] == 1_893_452_400_000_000
    assert json.loads(first[4]) == {"color": "red", "custom_label_0": "summer"}


def test_rss(tmp_path: Path) -> None:
    shop = take(tmp_path, "merchant.xml")
    assert shop.formats == {"merchant"}
    assert shop.counts("items") == (2, 0, {"missing_item_id": 1})
    dress = '红色连衣裙 "Sommer"'
    assert shop.rows("items", *COLUMNS) == [
        ("sku-1", dress, 19.5, None, "EUR", "in_stock", ["Clothes > Dresses", "Sale"]),
        ("4711", "Shirt", None, None, None, "preorder", None),
    ]
    (description, attributes) = shop.rows("items", "description", "attributes")[0]
    assert description == "Light & <b>airy</b>"
    said = json.loads(attributes)
    assert said["additional_image_link"] == ["https://shop/1a.jpg", "https://shop/1b.jpg"]
    assert said["shipping"] == {"country": "DE", "price": "4.90 EUR"}


def test_atom(tmp_path: Path) -> None:
    shop = take(tmp_path, "merchant_atom.xml")
    found = shop.rows("items", "item_id", "url", "price", "currency")
    assert found == [("sku-1", "https://shop/p/1", 15.0, "USD")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "EntitiesForbidden"),
        (OUTSIDE, "EntitiesForbidden"),
        ("<rss><channel><item><id>1</id>", "cannot be read as XML"),
        ("<html><body><p>Sign in</p></body></html>", "XML without a list"),
        ("<" * 1000, "cannot be read as XML"),
        ("<item>" + "<a>" * 100_000, "cannot be read as XML"),
    ],
)
def test_xml_that_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "feed.xml").write_text(text)
    with pytest.raises(SourceError, match=message):
        take(tmp_path, tmp_path / "feed.xml")
