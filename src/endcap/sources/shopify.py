"""Shopify: its product and order exports, as CSV.

A variant is an item, known by its SKU; where it has none, by the name that orders give it:
"Dress - Red / S". The product that it belongs to is the parent.
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing import values
from endcap.importing.nested import Told, as_json, at, text_at
from endcap.importing.orders import TYPE, whole_order, with_refunds
from endcap.sources import Extract, Given

HANDLE = ("Handle", "URL handle")
SKU = ("Variant SKU", "SKU")
PRICE, BEFORE = ("Variant Price", "Price"), ("Variant Compare At Price", "Compare-at price")
OPTIONS = tuple((f"Option{n} Value", f"Option{n} value") for n in (1, 2, 3))
STOCK = ("Variant Inventory Qty", "Inventory quantity")
TITLE = "Title"
ONCE = (
    *(TITLE, "Body (HTML)", "Description", "Vendor", "Product Category", "Product category"),
    *("Type", "Tags", "Status", "Image Src", "Product image URL"),
)
"""Columns that only the first row of a product has."""

ITEMS = {
    "title": TITLE,
    "categories": ("Product Category", "Product category", "Type"),
    "brand": "Vendor",
    "image_url": ("Variant Image", "Image Src", "Product image URL"),
    "tags": "Tags",
}

EVENTS = {
    "event_type": Told(TYPE, "purchase, and refund"),
    "user_id": "Email",
    "price": "Lineitem price",
    "quantity": "Lineitem quantity",
    "currency": "Currency",
}


def recognises(given: Given) -> float:
    products = TITLE in given.columns and given.columns & {*HANDLE} and given.columns & {*PRICE}
    return float(bool(products) or given.columns >= {"Name", "Lineitem name", "Lineitem quantity"})


def read(given: Given) -> list[Extract]:
    """Raises SourceError where it is neither products nor orders."""
    if "Lineitem name" in given.columns:
        return [_orders(given)]
    if TITLE in given.columns:
        return [_products(given)]
    raise SourceError(f"{given.name} has neither Title nor Lineitem name", expected="an export")


def _products(given: Given) -> Extract:
    rows = given.file.table
    rows = rows.mutate(product=text_at(rows, HANDLE), row=ibis.row_number())
    rows = whole_order(rows, "product", "row", *(name for name in ONCE if name in rows.columns))
    before, price = values.number(at(rows, BEFORE)), values.number(at(rows, PRICE))
    reduced = before > price
    options = [text_at(rows, option).nullif("Default Title") for option in OPTIONS]
    name = ibis.literal(" / ").join(options).nullif("")
    variant = ibis.coalesce(text_at(rows, PRICE), text_at(rows, SKU), *options)
    item = ibis.coalesce(_sku(rows, SKU), _titled(text_at(rows, TITLE), name))
    sale = ibis.ifelse(reduced, price, ibis.null("float64"))
    html = text_at(rows, ("Body (HTML)", "Description"))
    columns = {
        **ITEMS,
        "item_id": Told(item, "SKU, or Title and options"),
        "parent_id": Told("product", "Handle"),
        "price": Told(ibis.ifelse(reduced, before, price), "Compare At Price or Price"),
        "sale_price": Told(sale, "Price, where it is reduced"),
        "description": html.re_replace("<[^>]*>", " ").re_replace(r"\s+", " "),
        "availability": _availability(rows),
        "problem": ibis.cases((variant.isnull(), "image_row")),
    }
    used = ("row", *HANDLE, *SKU, *PRICE, *BEFORE, "Body (HTML)", "Description")
    return given.extract("items", columns, rows.order_by("row"), used)


def _availability(rows: Any) -> Any:
    hidden = text_at(rows, "Status").lower().isin(["draft", "archived"])
    gone = values.number(at(rows, STOCK)) <= 0
    sold_out = gone & (text_at(rows, "Variant Inventory Policy").fill_null("deny") == "deny")
    return ibis.ifelse((hidden | sold_out).fill_null(False), "out_of_stock", "in_stock")


def _orders(given: Given) -> Extract:
    wanted = ("Financial Status", "Currency", "Cancelled at", "Created at", "Email")
    lines = as_json(given.file.table, wanted).mutate(line=ibis.row_number())
    lines = lines.mutate(**{name: text_at(lines, name) for name in wanted})
    place = ibis.row_number().over(ibis.window(group_by="Name", order_by="line"))
    lines = whole_order(lines.mutate(place=place), "Name", "line", *wanted)
    undone = lines["Financial Status"].lower().isin(["refunded", "voided"])
    undone |= lines["Cancelled at"].notnull()
    events = with_refunds(lines, undone).order_by("line")
    refund = events[TYPE] == "refund"
    named = text_at(events, "Lineitem name")
    when = ibis.coalesce(events["Cancelled at"], events["Created at"])
    number = "shopify-" + events["Name"] + "-" + events.place.cast("string")
    item = ibis.coalesce(_sku(events, ("Lineitem sku",)), named)
    columns = {
        **EVENTS,
        "item_id": Told(item, "Lineitem sku, or Lineitem name"),
        "timestamp": Told(ibis.ifelse(refund, when, events["Created at"]), "Created at"),
        "event_id": Told(number + ibis.ifelse(refund, "-refund", ""), "Name and the line's place"),
    }
    return given.extract("events", columns, events, ("line", "place", *wanted))


def _sku(rows: Any, where: tuple[str, ...]) -> Any:
    """Shopify writes an apostrophe before numbers, for the sake of spreadsheets."""
    return text_at(rows, where).re_replace("^'", "")


def _titled(title: Any, options: Any) -> Any:
    return ibis.coalesce(title + " - " + options, title)
