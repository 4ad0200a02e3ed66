"""Prices that can't be right.

Ten times what an item mostly costs, or a tenth; nothing or less; sales that cost more; and cents
in one place where another has whole units.
"""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import MAPPING, Finding
from endcap.doctor.log import Log, spread
from endcap.tables.prepare.checks import grade, percent, worst
from endcap.tables.rows import count_of, one_of

FAR = 10
"""Times the usual price of the item, or one part of it."""

ENOUGH = 5
"""Prices of an item from which the usual one can be told."""

EDGES = (0, 0.01, 1, 3, 10, 30, 100, 300, 1_000, 10_000)


def check(log: Log) -> Finding:
    paid = log.events.filter(_.price.notnull())
    count = count_of(paid)
    cents = _cents(log, paid)
    if cents:
        return Finding("fail", cents, repair=_repair())
    wrong = _wrong(paid)
    bad = count_of(wrong)
    sales = _dear_sales(log)
    dear, of = (int(value or 0) for value in one_of(sales).values())
    if not count and not of:
        return Finding("pass", "No event states a price, and no item a sale price")
    share, sold = bad / max(count, 1), dear / max(of, 1)
    said = [f"{percent(share)} of the prices are far from what the item mostly costs"] * (bad > 0)
    said += [f"{percent(sold)} of the sale prices are above the price"] * (dear > 0)
    status = worst(grade(share, 0.02, 0.5), grade(sold, 0.05, 0.9))
    return Finding(
        status,
        "; ".join(said) or "All prices are near what the items mostly cost",
        log.examples(wrong.order_by(_.far.desc()), "item_id", "price", "usual", "visitor", "time"),
        _repair() if status != "pass" else "",
        spread("Events by price", paid.price, EDGES) if count else None,
    )


def _wrong(paid: Table) -> Table:
    """The prices that are far from the item's own median."""
    usual = paid.filter(_.price > 0).group_by("item_id").agg(usual=_.price.median(), n=_.count())
    rows = paid.join(usual.filter(_.n >= ENOUGH), "item_id")
    ratio = rows.price / rows.usual
    far = ibis.ifelse(ratio > 0, ratio.log().abs(), 99.0)
    return rows.mutate(far=far).filter((ratio > FAR) | (ratio < 1 / FAR))


def _cents(log: Log, paid: Table) -> str:
    """A sentence where what is paid is a hundred times what is listed, or a hundredth."""
    listed = log.items.filter(_.price > 0).select("item_id", listed=_.price)
    both = paid.filter(_.price > 0).join(listed, "item_id")
    found = one_of(both.agg(ratio=(_.price / _.listed).median(), n=_.count()))
    ratio = found["ratio"] or 1.0
    if found["n"] < 100 or not (60 < ratio < 160 or 60 < 1 / ratio < 160):
        return ""
    much, little = ("events", "catalogue") if ratio > 1 else ("catalogue", "events")
    return f"Prices in the {much} are a hundred times those in the {little}: cents, it seems"


def _dear_sales(log: Log) -> Table:
    known = log.items.filter(_.sale_price.notnull(), _.price.notnull())
    return known.agg(dear=(_.sale_price > _.price * 1.001).sum(), of=_.count())


def _repair() -> str:
    return MAPPING + 'price = { column = "…", times = 0.01 }  # where it is in cents'
