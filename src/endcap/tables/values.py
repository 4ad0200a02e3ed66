"""From what a file has to what the tables hold: ids, numbers, moments, paths.

Each function takes a column of any type and returns one of the type that `schema` names; what
makes no sense becomes missing. They are expressions, so nothing is read until a file is stored.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.datatypes as dt

from endcap.tables.schema import AVAILABILITY, EVENT_TYPES

MISSING = ("", "null", "none", "nan", "n/a", "\\n", "<na>", "undefined")

UNITS = {"seconds": 10**11, "milliseconds": 10**14, "microseconds": 10**17}
"""Numbers below are in that unit (all times from 1973 to 5138); above, nanoseconds."""

DAYS = (19000101, 29991231)
"""Whole numbers between are days as YYYYMMDD."""

PATTERNS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y年%m月%d日", "%Y%m%dT%H%M%S")

SYNONYMS = {
    "impression": ("impressions", "show", "shown", "exposure", "expose", "曝光", "展示"),
    "click": ("clicks", "clk", "点击"),
    "view": (
        *("pv", "views", "viewed", "pageview", "page_view", "detail", "product_view"),
        *("view_item", "detail_product_view", "item_view", "browse", "浏览"),
    ),
    "search": ("searched", "view_search_results", "搜索"),
    "add_to_wishlist": (
        *("fav", "favorite", "favourite", "wishlist", "like", "liked", "collect", "save"),
        *("add_to_favorites", "addtowishlist", "收藏"),
    ),
    "add_to_cart": (
        *("addtocart", "cart", "carts", "add", "basket", "add_to_basket", "addtobasket"),
        *("cart_add", "加购", "加入购物车"),
    ),
    "remove_from_cart": ("removefromcart", "remove", "cart_remove"),
    "begin_checkout": ("begincheckout", "checkout", "initiate_checkout", "initiatecheckout"),
    "purchase": (
        *("buy", "buys", "bought", "order", "orders", "ordered", "transaction", "purchased"),
        *("sale", "pay", "paid", "checkout_complete", "购买", "下单", "支付"),
    ),
    "refund": ("refunded", "return", "returned", "退货", "退款"),
    "rate": ("rating", "ratings", "rated", "review", "reviewed", "评分", "评价"),
    "dislike": ("disliked", "hide", "not_interested"),
}
"""What others call the event types; upper case, blanks and hyphens aside."""

STOCK = {
    "in_stock": ("instock", "available", "true", "yes", "limitedavailability", "有货"),
    "out_of_stock": ("outofstock", "soldout", "unavailable", "false", "no", "discontinued", "缺货"),
    "preorder": ("backorder", "presale", "预售"),
}


@ibis.udf.scalar.builtin
def json_extract_string(value: dt.json, path: str) -> str:
    """The text of a JSON value, without quotation marks."""


@ibis.udf.scalar.builtin
def json_valid(value: str) -> bool: ...


@ibis.udf.scalar.builtin(signature=((dt.string, dt.string), dt.Array(dt.string)))
def from_json(value: Any, structure: Any) -> Any: ...


@ibis.udf.scalar.builtin(signature=((dt.string, dt.string), dt.Array(dt.string)))
def string_split_regex(value: Any, pattern: Any) -> Any: ...


@ibis.udf.scalar.builtin(signature=((dt.timestamp,), dt.int64))
def epoch_us(value: Any) -> Any: ...


@ibis.udf.scalar.builtin(signature=((dt.string, dt.Array(dt.string)), dt.timestamp))
def try_strptime(value: Any, patterns: Any) -> Any: ...


def text(column: Any) -> Any:
    """Trimmed text, missing where it says that there is none."""
    if column.type().is_json():
        column = json_extract_string(column, "$")
    elif column.type().is_floating():
        # An id column with gaps comes as numbers with a fraction: 123.0 means 123.
        whole = column.try_cast("int64")
        column = ibis.ifelse(whole == column, whole.cast("string"), column.cast("string"))
    plain = column.cast("string").replace("\0", "").strip()
    return ibis.ifelse(plain.lower().isin(MISSING), ibis.null("string"), plain)


def ident(column: Any) -> Any:
    """An id. One with a NUL byte inside is damaged, and so missing."""
    plain = text(column)
    return ibis.ifelse(column.cast("string").contains("\0"), ibis.null("string"), plain)


def number(column: Any) -> Any:
    """A number; text may have a currency sign, and a comma for thousands or decimals."""
    if column.type().is_numeric() or column.type().is_boolean():
        found = column.cast("float64")
    else:
        plain = text(column)
        bare = plain.re_replace(r"^[^0-9.,+-]+|[^0-9]+$", "")
        bare = ibis.ifelse(
            bare.re_search(r"^[+-]?\d+,\d{1,2}$"), bare.replace(",", "."), bare.replace(",", "")
        )
        found = ibis.coalesce(plain.try_cast("float64"), bare.try_cast("float64"))
    return ibis.ifelse(found.isnan() | found.isinf(), ibis.null("float64"), found)


def moment(column: Any) -> Any:
    """UTC microseconds, from a time of any type. A time without a zone is taken as UTC."""
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        return epoch_us(column.cast("timestamp"))
    if kind.is_numeric():
        return _from_number(column.cast("float64"))
    plain = text(column)
    return ibis.coalesce(
        _from_number(plain.try_cast("float64")),
        epoch_us(plain.try_cast("timestamp('UTC')").cast("timestamp")),
        epoch_us(try_strptime(plain, ibis.array([*PATTERNS]))),
    )


def unit(column: Any) -> Any:
    """In words, how `moment` understands each value."""
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        return ibis.literal("a time")
    value = column if kind.is_numeric() else text(column).try_cast("float64")
    size = value.abs()
    cases = [(size < limit, f"{name} since 1970") for name, limit in UNITS.items()]
    return ibis.cases(
        (value.isnull(), "written out"),
        (size.between(*DAYS), "days as YYYYMMDD"),
        *cases,
        else_="nanoseconds since 1970",
    )


def _from_number(value: Any) -> Any:
    size = value.abs()
    day = value.try_cast("int64").cast("string")
    factors = zip(UNITS.values(), (1e6, 1e3, 1.0), strict=True)
    return ibis.cases(
        (size.between(*DAYS), epoch_us(try_strptime(day, ibis.array(["%Y%m%d"])))),
        *((size < limit, (value * factor).round().try_cast("int64")) for limit, factor in factors),
        else_=(value / 1e3).round().try_cast("int64"),
    )


def event_type(column: Any) -> Any:
    """The canonical event type; one that is not known stays as it is."""
    plain = text(column)
    names = plain.lower().re_replace(r"[\s-]+", "_")
    return _named(names, SYNONYMS, EVENT_TYPES, plain)


def availability(column: Any) -> Any:
    """A word for it, a schema.org address, or how many there are."""
    word = text(column).lower().re_replace(r"^https?://schema\.org/", "").re_replace(r"[^\w]|_", "")
    count = word.try_cast("float64")
    counted = ibis.cases((count > 0, "in_stock"), (count <= 0, "out_of_stock"))
    names = {name.replace("_", ""): name for name in AVAILABILITY}
    found = word.cases(*names.items(), else_=ibis.null("string"))
    return ibis.coalesce(found, _named(word, STOCK, (), ibis.null("string")), counted)


def _named(column: Any, synonyms: dict[str, tuple[str, ...]], names: Any, other: Any) -> Any:
    known = [(name, name) for name in names]
    return column.cases(
        *known, *((word, name) for name, words in synonyms.items() for word in words), else_=other
    )


def texts(column: Any, separators: str = "|") -> Any:
    """A list of texts, from a list, a JSON list, or text with separators."""
    if column.type().is_array():
        items = column.map(lambda item: item.cast("string"))
    else:
        plain = text(column)
        listed = plain.startswith("[") & json_valid(plain)
        items = ibis.ifelse(
            listed,
            from_json(ibis.ifelse(listed, plain, "[]"), '["VARCHAR"]'),
            string_split_regex(plain, f"[{separators}]"),
        )
    trimmed = items.map(lambda item: item.strip()).filter(lambda item: item != "")
    return ibis.ifelse(trimmed.length() > 0, trimmed, ibis.null("array<string>"))


def paths(column: Any) -> Any:
    """Category paths, each written as "A > B"."""
    return texts(column).map(lambda path: path.re_replace(r"\s*>\s*", " > "))
