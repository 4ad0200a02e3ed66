"""What changed between the first month and the last.

Where a shop sells other things than a year ago that is life; where a type of event is gone, the
tag broke.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import percent
from endcap.tables.rows import count_of, rows_of
from endcap.types import DAY

MONTH, SHORT = 30, 14
"""Days that are compared, at most a third of the log, and those that a log must have."""

GONE = 0.02
"""Of the events: a type that had so many and has none."""

KINDS, GOODS = 0.3, 0.6
"""The share of events that moved to other types, and to other categories."""


def check(log: Log) -> Finding:
    if log.days < SHORT:
        return Finding("pass", f"{log.days:.0f} days are too few to compare their ends")
    first, last = log.span
    wide = int(min(MONTH, log.days / 3) * DAY)
    end = ibis.cases(
        (_.time.between(first, first + wide), "first"), (_.time.between(last - wide, last), "last")
    )
    rows = log.events.mutate(end=end).filter(_.end.notnull())
    kinds, goods = _shares(rows, "event_type"), _shares(_in_categories(log, rows), "name")
    gone = [
        name for name, (was, is_) in kinds.items() if max(was, is_) > GONE and not min(was, is_)
    ]
    moved, sold = _moved(kinds), _moved(goods)
    said = [f"{_ends(kinds[name])} of the events were {name}" for name in gone]
    said += [f"{percent(moved)} of the events are of other types"] * (moved > KINDS and not gone)
    said += [f"{percent(sold)} of the events are in other categories"] * (sold > GOODS)
    return Finding(
        "warn" if said else "pass",
        f"First to last {wide / DAY:.0f} days: "
        + ("; ".join(said) or f"{percent(max(moved, sold))} of the events moved to other things"),
        _examples(kinds if gone or moved > KINDS else goods) if said else (),
        _repair(gone) if said else "",
        _picture(kinds if gone or not goods else goods),
    )


def _shares(rows: Table | None, by: str) -> dict[str, tuple[float, float]]:
    """Of each value its share at the first end and at the last, the largest first."""
    if rows is None:
        return {}
    counts: dict[str, dict[str, int]] = {}
    for row in rows_of(rows.group_by("end", by).agg(n=_.count())):
        counts.setdefault(str(row[by]), {})[row["end"]] = row["n"]
    totals = {end: sum(one.get(end, 0) for one in counts.values()) for end in ("first", "last")}
    shares = {
        name: (
            one.get("first", 0) / max(totals["first"], 1),
            one.get("last", 0) / max(totals["last"], 1),
        )
        for name, one in counts.items()
    }
    return dict(sorted(shares.items(), key=lambda pair: -max(pair[1])))


def _in_categories(log: Log, rows: Table) -> Table | None:
    """The events with the root of their item's category, where the catalogue has some."""
    known = log.items.filter(_.categories.length() > 0)
    if not count_of(known):
        return None
    roots = known.select("item_id", name=_.categories[0].split(">")[0].strip())
    return rows.join(roots, "item_id")


def _moved(shares: dict[str, tuple[float, float]]) -> float:
    """Half of all differences: what would have to move for both ends to be alike."""
    return sum(abs(was - is_) for was, is_ in shares.values()) / 2


def _ends(shares: tuple[float, float]) -> str:
    return " and then ".join(percent(share) if share else "none" for share in shares)


def _examples(shares: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
    most = sorted(shares, key=lambda name: -abs(shares[name][0] - shares[name][1]))[:5]
    return [
        {"what": name, "first": percent(shares[name][0]), "last": percent(shares[name][1])}
        for name in most
    ]


def _repair(gone: list[str]) -> str:
    if gone:
        return f"Look whether the tag still sends {', '.join(gone)}, and import what is missing"
    return '[clean]\nearliest = "…"  # the day from which the shop was as it is now'


def _picture(shares: dict[str, tuple[float, float]]) -> Bars:
    some = [*shares][:6]
    labels = [f"{name}, {end}" for name in some for end in ("first", "last")]
    values = [100 * share for name in some for share in shares[name]]
    return Bars(
        "Of a hundred events, in the first days and in the last",
        labels,
        values,
        [*range(1, len(labels), 2)],
        lying=True,
    )
