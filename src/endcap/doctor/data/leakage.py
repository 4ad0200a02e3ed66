"""Attributes that know the future.

An attribute like `total_sold`, taken from the shop at the end of the log, tells a model of the
past how popular an item is going to be. It shines in the tests and is of no use live.

The end of the log is set aside. An attribute knows the future if it goes with what happened there
even among items with the same past.
"""

from __future__ import annotations

import math
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import MAPPING, Finding, listed
from endcap.doctor.log import Log
from endcap.tables.duck import json_keys, json_text
from endcap.tables.rows import one_of, rows_of

LATE = 0.25
"""Of the log: its end, which is the future."""

KEYS, ENOUGH = 40, 100
"""Attributes that are looked at, the most frequent first, and rows that must have one."""

SURE = 0.5
"""Correlation of ranks with the future, beyond what the past says."""


def check(log: Log) -> Finding:
    first, last = log.span
    late = last - int(LATE * (last - first))
    items = _judged(log, log.items, "item_id", "item_id", late)
    users = _judged(log, log.users, "user_id", "visitor", late)
    known = sorted(items + users, key=lambda one: -one["beyond_the_past"])
    found = [one for one in known if one["beyond_the_past"] >= SURE]
    if not known:
        return Finding("pass", "Items and visitors have no attributes that are numbers")
    if not found:
        return Finding("pass", f"None of {len(known):,} attributes knows what came later")
    names = [*dict.fromkeys(one["attribute"] for one in found)]
    return Finding(
        "warn",
        "These go with what happened after them, as if they were written down at the end: "
        + ", ".join(names),
        [{**one, "beyond_the_past": round(one["beyond_the_past"], 2)} for one in found[:5]],
        MAPPING + f"drop = {listed(names)}",
    )


def _judged(log: Log, table: Table, key: str, of: str, late: int) -> list[dict[str, Any]]:
    """Each attribute that is a number or a time, with how it goes with the future."""
    names = _attributes(table)
    if not names:
        return []
    counts = log.events.group_by(of).agg(
        past=(_.time < late).sum(), future=((_.time >= late) & (_.time <= log.now)).sum()
    )
    counts = counts.rename({key: of}) if key != of else counts
    known = table.mutate(
        **{f"a{place}": _number(_.attributes, name) for place, name in enumerate(names)}
    )
    joined = known.left_join(counts, key).mutate(
        past=_.past.fill_null(0), future=_.future.fill_null(0)
    )
    found = []
    for place, name in enumerate(names):
        beyond = _beyond(joined.filter(_[f"a{place}"].notnull()), f"a{place}")
        if beyond is not None:
            found.append({"of": key, "attribute": name, "beyond_the_past": beyond})
    return found


def _attributes(table: Table) -> list[str]:
    each = table.filter(_.attributes.notnull())
    keys = each.select(key=json_keys(_.attributes.cast("json")).unnest())
    counted = keys.group_by("key").agg(n=_.count()).filter(_.n >= ENOUGH)
    rows = rows_of(counted.order_by(_.n.desc(), "key").limit(KEYS))
    return [row["key"] for row in rows if '"' not in row["key"]]


def _number(attributes: Any, name: str) -> Any:
    """The attribute as a number: a time by its microseconds, yes and no as 1 and 0."""
    text = json_text(attributes.cast("json"), f'$."{name}"')
    truth = text.lower().cases(("true", 1.0), ("yes", 1.0), ("false", 0.0), ("no", 0.0))
    moment = ibis.ifelse(text.re_search(r"^\d{4}-\d\d-\d\d"), text, ibis.null("string"))
    when = moment.try_cast("timestamp('UTC')").epoch_seconds().cast("float64")
    return ibis.coalesce(text.try_cast("float64"), truth, when)


def _beyond(rows: Table, name: str) -> float | None:
    """The partial correlation of ranks of an attribute with the future, given the past."""
    ranks = rows.select(
        **{
            to: ibis.percent_rank().over(ibis.window(order_by=rows[column]))
            for to, column in (("a", name), ("p", "past"), ("f", "future"))
        }
    )
    found = one_of(
        ranks.agg(n=_.count(), ap=_alike(_.a, _.p), af=_alike(_.a, _.f), pf=_alike(_.p, _.f))
    )
    if found["n"] < ENOUGH or _missing(found["af"]):
        return None
    # Where all have the same past, it says nothing.
    ap, af, pf = (0.0 if _missing(found[one]) else found[one] for one in ("ap", "af", "pf"))
    rest = math.sqrt(max(1 - ap**2, 1e-9) * max(1 - pf**2, 1e-9))
    return float(min(1.0, abs((af - ap * pf) / rest)))


def _alike(one: Any, other: Any) -> Any:
    return one.corr(other, how="pop")


def _missing(value: Any) -> bool:
    return value is None or math.isnan(value)
