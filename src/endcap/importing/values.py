"""From what a file has to what the tables hold: ids, numbers, moments, paths.

Each function takes a column of any type and returns one of the type that `schema` names; what
makes no sense becomes missing. They are expressions, so nothing is read until a file is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from endcap.importing.words import STOCK, SYNONYMS
from endcap.tables.duck import epoch_us, from_json, json_text, json_valid, split, strptime

MISSING = ("", "null", "none", "nan", "n/a", "\\n", "<na>", "undefined")

UNITS = (
    ("seconds", 1e11, 1e6),
    ("milliseconds", 1e14, 1e3),
    ("microseconds", 1e17, 1.0),
    ("nanoseconds", 1e20, 1e-3),
)
"""Unit, the number below which it is meant (all times from 1973 to 5138), and its microseconds."""

DAYS = (19000101, 29991231)
"""Whole numbers between are days as YYYYMMDD."""

PATTERNS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y年%m月%d日", "%Y%m%dT%H%M%S")


def text(column: Any) -> Any:
    """Trimmed text, missing where it says that there is none."""
    if column.type().is_json():
        column = json_text(column, "$")
    if column.type().is_floating():
        column = column.nullif(float("nan")).cast("string")
    if not column.type().is_string():
        return column.cast("string")
    plain = column.replace("\0", "").strip()
    return ibis.ifelse(plain.lower().isin(MISSING), ibis.null("string"), plain)


def ident(column: Any) -> Any:
    """An id. One with a NUL byte inside is damaged, and so missing."""
    plain = text(column)
    if column.type().is_integer():
        return plain
    # A column of numbers with gaps is often written with fractions: 123.0 is 123.
    plain = ibis.ifelse(plain.endswith(".0"), plain.re_replace(r"^(\d+)\.0$", r"\1"), plain)
    damaged = column.cast("string").contains("\0")
    return ibis.ifelse(damaged, ibis.null("string"), plain)


def number(column: Any) -> Any:
    """A number; text may have a currency sign, and a comma for thousands or decimals."""
    if column.type().is_numeric() or column.type().is_boolean():
        found = column.cast("float64")
    else:
        plain = text(column)
        bare = plain.re_replace(r"^[^0-9.,+-]+|[^0-9]+$", "")
        bare = ibis.ifelse(
            bare.re_search(r"^[+-]?\d+(\.\d{3})*,\d{1,2}$"),
            bare.replace(".", "").replace(",", "."),
            bare.replace(",", ""),
        )
        found = ibis.coalesce(plain.try_cast("float64"), bare.try_cast("float64"))
    return ibis.ifelse(found.isnan() | found.isinf(), ibis.null("float64"), found)


def whole(column: Any) -> Any:
    """A whole number of 32 bits."""
    found = number(column)
    return ibis.ifelse(found.abs() < 2**31 - 1, found.round(), ibis.null("float64")).cast("int32")


def moment(column: Any) -> Any:
    """UTC microseconds, from a time of any type. A time without a zone is taken as UTC."""
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        return epoch_us(column.try_cast("timestamp"))
    if kind.is_numeric():
        return _from_number(column.cast("float64"))
    plain = text(column)
    return ibis.coalesce(
        _from_number(plain.try_cast("float64")),
        epoch_us(_zoned(plain)),
        epoch_us(_zoned(plain.re_replace(r" ([+-]\d\d)(\d\d)$", r"\1:\2"))),
        epoch_us(strptime(plain, ibis.array([*PATTERNS]))),
    )


def _zoned(plain: Any) -> Any:
    return plain.try_cast("timestamp('UTC')").cast("timestamp")


def unit(column: Any) -> Any:
    """In words, how `moment` understands each value."""
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        return ibis.literal("a time")
    value = column if kind.is_numeric() else text(column).try_cast("float64")
    size = value.abs()
    cases = [(size < limit, f"{name} since 1970") for name, limit, _ in UNITS]
    return ibis.cases(
        (value.isnull(), "written out"),
        (size.between(*DAYS), "days as YYYYMMDD"),
        *cases,
        else_="unreadable",
    )


def _from_number(value: Any) -> Any:
    size = value.abs()
    day = value.try_cast("int64").cast("string")
    return ibis.cases(
        (size.between(*DAYS), epoch_us(strptime(day, ibis.array(["%Y%m%d"])))),
        *((size < limit, (value * factor).round().cast("int64")) for _, limit, factor in UNITS),
    )


def event_type(column: Any) -> Any:
    """The canonical event type; one that is not known stays as it is."""
    plain = text(column)
    return _named(plain.lower().translate(" -", "__"), SYNONYMS, plain)


def availability(column: Any) -> Any:
    """A word for it, a schema.org address, or how many there are."""
    word = text(column).lower().re_replace(r"^https?://schema\.org/", "").re_replace(r"[\s_-]", "")
    count = word.try_cast("float64")
    counted = ibis.cases((count > 0, "in_stock"), (count <= 0, "out_of_stock"))
    return ibis.coalesce(_named(word, STOCK, ibis.null("string")), counted)


def _named(column: Any, synonyms: Mapping[str, tuple[str, ...]], other: Any) -> Any:
    """The name among whose synonyms, or itself, a word is."""
    # A test for each name is four times quicker than one for each word.
    return ibis.cases(
        *((column.isin([name, *words]), name) for name, words in synonyms.items()), else_=other
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
            split(plain, f"[{separators}]"),
        )
    trimmed = items.map(lambda item: item.strip()).filter(lambda item: item != "")
    return ibis.ifelse(trimmed.length() > 0, trimmed, ibis.null("array<string>"))


def paths(column: Any) -> Any:
    """Category paths, each written as "A > B"."""
    return texts(column).map(lambda path: path.re_replace(r"\s*>\s*", " > "))
