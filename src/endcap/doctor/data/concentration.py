"""How few items have all the attention.

A few always have most. One that has a fifth of it is rarely a product: a test item, a gift card, a
page that is counted as one.
"""

from __future__ import annotations

import ibis

from endcap.doctor.finding import Curve, Finding, listed
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import percent

MUCH, ONE = 0.8, 0.2
"""Of all events: for the most popular hundredth of the items, and for a single one."""

POINTS = 60
ENOUGH = 100
"""Items from which a hundredth means something."""


def check(log: Log) -> Finding:
    rows = log.wanted.to_pyarrow()
    counts = rows["events"].to_numpy()
    if len(counts) < ENOUGH:
        return Finding("pass", f"With {len(counts):,} items there is little to spread")
    total = counts.sum()
    top = counts[: max(1, len(counts) // 100)].sum() / total
    first = counts[0] / total
    so_far = counts.cumsum() / total
    places = sorted({round(place) for place in _places(len(counts))})
    picture = Curve(
        "The share of all events that the most popular items have",
        [0.0, *(place / len(counts) for place in places)],
        [0.0, *(float(so_far[place - 1]) for place in places)],
        ("the most popular", f"all {len(counts):,} items"),
    )
    detail = f"The most popular 1 % of items have {percent(top)} of the events"
    if first > ONE:
        detail += f"; one of them alone has {percent(first)}"
    examples = log.examples(ibis.memtable(rows.slice(0, 5)), "item_id", "events")
    bad = top > MUCH or first > ONE
    return Finding(
        "warn" if bad else "pass",
        detail,
        examples if bad else (),
        _repair(str(rows["item_id"][0]), first),
        picture,
    )


def _places(items: int) -> list[float]:
    """Closer where the curve bends."""
    return [max(1.0, items * (step / POINTS) ** 2) for step in range(1, POINTS + 1)]


def _repair(item: str, first: float) -> str:
    if first <= ONE:
        return ""
    return (
        '[rules.blocklist]\nuse = "endcap.rules.blocklist:Blocklist"\n'
        f"items = {listed([item])}  # if it is no product"
    )
