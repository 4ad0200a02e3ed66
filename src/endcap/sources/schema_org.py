"""Products in the words of schema.org, as JSON-LD: a file of them, or the pages of a shop.

{"@type": "Product", "sku": "7", "name": "Dress", "brand": {"name": "Acme"},
 "offers": {"price": "19.50", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}}
"""

from __future__ import annotations

import ibis

from endcap.importing.nested import as_json, exploded, text_at
from endcap.sources import Extract, Given

ITEMS = {
    "item_id": ("sku", "productID", "productId", "gtin13", "gtin", "mpn", "@id", "url"),
    "title": "name",
    "description": "description",
    "categories": ("category.name", "category.0", "category"),
    "brand": ("brand.name", "brand.0.name", "manufacturer.name", "brand"),
    "price": (
        "offers.price",
        "offers.0.price",
        "offers.lowPrice",
        "offers.priceSpecification.price",
    ),
    "currency": ("offers.priceCurrency", "offers.0.priceCurrency"),
    "availability": ("offers.availability", "offers.0.availability"),
    "image_url": ("image.url", "image.0.url", "image.0", "image"),
    "url": ("url", "offers.url"),
    "parent_id": ("inProductGroupWithID", "isVariantOf.productGroupID"),
    "created_at": "releaseDate",
}

COLUMNS = ("@type", "name", "offers", "brand", "category", "image", "url", "isVariantOf")
KINDS = r"(^|/|\")(Product|ProductGroup|ProductModel|IndividualProduct)(\"|$)"


def recognises(given: Given) -> float:
    if "@graph" in given.columns:
        return 0.9
    return 0.9 * (given.columns >= {"@type"} and bool(given.columns & {"offers", "sku", "url"}))


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table)
    if "@graph" in rows.columns:
        inner = exploded(rows, "@graph").rename(node="@graph")
        names = [*COLUMNS, "description", "sku", "productID", "productId", "gtin13", "gtin"]
        names += ["mpn", "@id", "manufacturer", "inProductGroupWithID", "releaseDate"]
        rows = inner.select(**{name: inner["node"][name] for name in names})
    rows = as_json(rows, COLUMNS)
    known = text_at(rows, "@type").re_search(KINDS).fill_null(False)
    problem = ibis.ifelse(known, ibis.null("string"), "not_a_product")
    used = ("@type", "@context")
    return [given.extract("items", {**ITEMS, "problem": problem}, rows, used)]
