"""Events on items that the catalogue does not have.

Often it has them, under an id that is written otherwise: with a prefix, in capitals, without the
zeros in front. What the two differ in is found by trying.
"""

from __future__ import annotations

from itertools import combinations

from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import Bars, Finding, listed
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import grade, percent
from endcap.tables.prepare.ids import DIFFERENCES, WORDS, meant, same_but_for
from endcap.tables.rows import count_of

WORTH = 0.05
"""Of the events on unlisted items: how many more must be found for a difference to count."""

TOGETHER = 2
"""Differences that are tried at once."""


def check(log: Log) -> Finding:
    if not log.listed:
        return Finding(
            "warn",
            "No catalogue was imported: items are known by what visitors do, no more",
            repair="endcap import CATALOGUE",
        )
    missing = log.wanted.anti_join(log.items, "item_id").order_by(_.events.desc(), "item_id")
    lost = count_of(missing, _.events.sum())
    total = count_of(log.wanted, _.events.sum())
    share = lost / total if total else 0.0
    if not lost:
        return Finding("pass", "Every item of the log is in the catalogue")
    ways, found = _found(log, missing)
    detail = f"{percent(share)} of the events are on items not listed in it"
    ready = tuple(log.config.clean.match_ids) == ways and ways
    if ready:
        share, detail = share * (1 - found / lost), f"{detail}, of which ids mended as set are not"
    elif found > WORTH * lost:
        detail += f"; {percent(found / lost)} of these are, but for {_words(ways)}"
    else:
        ways = ()
    return Finding(
        grade(share, 0.01, 0.5),
        detail,
        _examples(log, missing, ways),
        "" if not ways or ready else f"[clean]\nmatch_ids = {listed(ways)}",
        Bars("Events", ["listed", "meant", "unlisted"], [total - lost, found, lost - found], [2]),
    )


def _found(log: Log, missing: Table) -> tuple[tuple[str, ...], int]:
    """The fewest differences without which the most events have an item that they can't mistake,
    and how many. Two may be of use only together: SKU-12 and 0012.
    """
    ways: tuple[str, ...] = ()
    best, some = 0, count_of(missing, _.events.sum())
    for many in range(1, TOGETHER + 1):
        if best > (1 - WORTH) * some:
            break
        tried = {one: _count(log, missing, one) for one in combinations(DIFFERENCES, many)}
        most = max(tried, key=lambda one: tried[one])
        if tried[most] > best + WORTH * some:
            ways, best = most, tried[most]
    return ways, best


def _count(log: Log, missing: Table, ways: tuple[str, ...]) -> int:
    return count_of(_mended(log, missing, ways), _.events.sum())


def _mended(log: Log, missing: Table, ways: tuple[str, ...]) -> Table:
    """The ids that are found, each with the item that is meant."""
    keyed = missing.mutate(key=same_but_for(ways, _.item_id))
    return keyed.join(meant(log.items, ways), "key").select("item_id", "events", "meant")


def _examples(log: Log, missing: Table, ways: tuple[str, ...]) -> list[dict[str, object]]:
    if not ways:
        return log.examples(missing, "item_id", "events")
    found = _mended(log, missing, ways).rename(in_the_catalogue="meant")
    order = found.order_by(_.events.desc(), "item_id")
    return log.examples(order, "item_id", "in_the_catalogue", "events")


def _words(ways: tuple[str, ...]) -> str:
    return " and ".join(WORDS[way] for way in ways)
