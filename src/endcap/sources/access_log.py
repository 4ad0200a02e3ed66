"""Logs of web servers, in the combined format or the common one: views of products' pages.

203.0.113.9 - - [14/Nov/2023:22:13:20 +0000] "GET /product/7 HTTP/1.1" 200 512 "-" "Mozilla/5.0"

The setting `product_page` says what is a product's page: ``/product/{item_id}``.
"""

from __future__ import annotations

import re
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.nested import Told, every
from endcap.sources import Extract, Given
from endcap.tables.duck import epoch_us, strptime, url_decode

SETTING, ITEM = "product_page", "{item_id}"

LINE = (
    r'^(\S+) \S+ (.+?) \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d{3}) \S+'
    r'(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?'
)
FIELDS = ("host", "login", "time", "method", "page", "status", "referrer", "browser")
TIME = "%d/%b/%Y:%H:%M:%S %z"

ROBOTS = r"(?i)bot\b|bot[/_-]|crawl|spider|slurp|facebookexternalhit|curl/|wget/|python-requests"


def recognises(given: Given) -> float:
    return float(given.columns == {"line"})


def read(given: Given) -> list[Extract]:
    """Raises SourceError where nobody said what is a product's page."""
    if "line" not in given.columns:
        raise SourceError(f"{given.name} is not a web server's log", expected="lines of text")
    page, lines = _product_page(given), given.file.table
    found = lines.mutate(
        **{name: lines["line"].re_extract(LINE, place) for place, name in enumerate(FIELDS, 1)}
    )
    item = found["page"].re_extract(pattern(page), 1).nullif("")
    seen = found.mutate(item=url_decode(item))
    moment = epoch_us(strptime(seen["time"], ibis.array([TIME])))
    time = ibis.coalesce(moment.cast("string"), seen["time"])
    visitor = (seen["host"] + " " + seen["browser"]).hexdigest("md5")
    columns = {
        "event_type": every("view"),
        "user_id": Told(seen["login"].nullif("-").nullif(""), "the name of a login"),
        "anonymous_id": Told(visitor, "address and browser, hashed"),
        "item_id": Told("item", page),
        "timestamp": Told(time, "the time in brackets"),
        "problem": _problem(seen),
    }
    used = ("line", "host", "login", "time", "method", "status", "browser")
    return [given.extract("events", columns, seen, used)]


def _product_page(given: Given) -> str:
    page = given.settings.get(SETTING, "")
    if page.count(ITEM) != 1:
        raise SourceError(
            f"{given.name} is a web server's log, and {SETTING} = {page!r} does not say what is "
            "a product's page",
            expected=f"a path with {ITEM} in it, once",
            mend=f"Say it: --set {SETTING}=/product/{ITEM}",
        )
    return page


def pattern(page: str) -> str:
    """A regular expression for the paths of pages.

    >>> pattern("/*/product/{item_id}.html")
    '^(?:https?://[^/]+)?/[^/?#]*/product/([^/?#]+?)\\\\.html/?(?:[?#].*)?$'
    """
    inner = re.escape(page).replace(re.escape(ITEM), "([^/?#]+?)").replace(r"\*", "[^/?#]*")
    return rf"^(?:https?://[^/]+)?{inner}/?(?:[?#].*)?$"


def _problem(seen: Any) -> Any:
    delivered = (seen["method"] == "GET") & seen["status"].re_search("^(2..|304)$")
    return ibis.cases(
        (seen["host"] == "", "broken_row"),
        (seen["item"].isnull(), "not_a_product_page"),
        (~delivered, "not_delivered"),
        (seen["browser"].re_search(ROBOTS), "robot"),
    )
