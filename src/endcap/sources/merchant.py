"""Product feeds for the Google Merchant Center, as tab-separated text or as XML (RSS, Atom).

id  title  description  link  image_link  availability  price  product_type  brand
"""

from __future__ import annotations

from endcap.importing.nested import Told, as_json, text_at
from endcap.sources import Extract, Given

ITEMS = {
    "item_id": "id",
    "title": "title",
    "description": ("description", "summary"),
    "categories": ("product_type", "google_product_category"),
    "brand": "brand",
    "price": "price",
    "sale_price": "sale_price",
    "availability": "availability",
    "image_url": "image_link",
    "url": "link",
    "parent_id": "item_group_id",
    "expires_at": "expiration_date",
}
SIGNS = frozenset({"image_link", "availability", "google_product_category", "item_group_id"})


def recognises(given: Given) -> float:
    names = {_name(column) for column in given.columns}
    return 0.9 * (names >= {"id", "title", "link"} and bool(names & SIGNS))


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table)
    # In text files the names may be written with blanks: "image link".
    named = {_name(column): rows[column] for column in rows.columns}
    feed = rows.select(**named)
    unit = r"([A-Z]{3})"
    found = text_at(feed, ("price", "sale_price")).re_extract(unit, 1).nullif("")
    return [given.extract("items", {**ITEMS, "currency": Told(found, "price")}, feed)]


def _name(column: str) -> str:
    """
    >>> _name("Image Link")
    'image_link'
    """
    return column.strip().lower().replace(" ", "_").removeprefix("g:")
