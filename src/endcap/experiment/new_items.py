"""How new items fare: how often each was shown, what came of it, and which stand on their own."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table
from scipy.stats import binomtest

from endcap.config import Shop
from endcap.experiment.intervals import Interval
from endcap.store.clock import now
from endcap.store.compact import into_tables
from endcap.tables.engines import Engine, open_engine
from endcap.tables.imported import imported, newest
from endcap.tables.prepare.cleaning import latest
from endcap.tables.rows import rows_of
from endcap.types import DAY

PLACE = ("recommendation_id", "item_id")
"""What an event and the impression that it answers have in common."""


def new_items(shop: Shop, days: float, graduates: int) -> dict[str, Any]:
    """What is known of the items that came in the last `days` of the log, the newest first.

    An impression is answered where an event on its item names its recommendation. `usual` is the
    share of all impressions that were answered; the interval of an item's own is Wilson's (JASA
    1927). An item has graduated with `graduates` events: the rule `explore` no longer favours it.
    """
    into_tables(shop)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine("duckdb", Path(folder), shop.config)
        rows = rows_of(_of_items(engine, shop))
    end = max((row["last"] for row in rows if row["last"] is not None), default=0)
    shown, answered = (sum(row[name] for row in rows) for name in ("shown", "answered"))
    usual = answered / shown if shown else None
    young = [row for row in rows if row["since"] is not None and row["since"] > end - days * DAY]
    young.sort(key=lambda row: (-row["since"], row["item_id"]))
    return {
        "items": [_fares(row, usual, graduates) for row in young],
        "usual": usual,
        "days": days,
        "graduates": graduates,
    }


def _of_items(engine: Engine, shop: Shop) -> Table:
    """For each item its title, since when it is known, and what came of it; times in UTC
    microseconds. What a wrong clock has written is left out, as by `prepare`: one event of the
    year 2099 would make all others old."""
    clean = shop.config.clean
    possible = _.timestamp.between(clean.begins, latest(clean, now()))
    events, shown = (imported(engine, shop.tables, name) for name in ("events", "impressions"))
    events = events.filter(_.item_id.notnull(), possible)
    shown = shown.filter(_.timestamp.isnull() | possible)
    answers = events.filter(_.recommendation_id.notnull()).select(*PLACE).distinct()
    taken = _.event_type.isin(shop.config.events.targets).cast("int64").sum()
    first, last = _.timestamp.min(), _.timestamp.max()
    did = events.group_by("item_id").agg(events=_.count(), taken=taken, first=first, last=last)
    saw = shown.left_join(answers.mutate(answered=1), PLACE).group_by("item_id")
    saw = saw.agg(shown=_.count(), answered=_.answered.count(), seen=first)
    goods = newest(imported(engine, shop.tables, "items"), "items")
    goods = goods.select("item_id", "title", made=_.created_at)
    ids = (table.select(item_id=_.item_id.nullif("")) for table in (goods, did, saw))
    every = ibis.union(*ids, distinct=True)
    for table in (goods, did, saw):
        every = every.left_join(table, "item_id").drop("item_id_right")
    counts = {name: _[name].fill_null(0) for name in ("events", "taken", "shown", "answered")}
    since = ibis.coalesce(ibis.least(_.first, _.seen), _.made)
    return every.select("item_id", "title", "last", since=since, **counts)


def _fares(row: dict[str, Any], usual: float | None, graduates: int) -> dict[str, Any]:
    shown, answered = row["shown"], row["answered"]
    found = Interval(None, None, None)
    if shown:
        wilson = binomtest(answered, shown).proportion_ci(method="wilson")
        found = Interval(answered / shown, float(wilson.low), float(wilson.high))
    since = datetime.fromtimestamp(row["since"] / 1e6, UTC).isoformat(timespec="seconds")
    return {
        "item_id": row["item_id"],
        "title": row["title"],
        "since": since,
        "shown": shown,
        "events": row["events"],
        "taken": row["taken"],
        "answered": found.as_dict(),
        "beside_usual": _beside(found, usual),
        "graduated": row["events"] >= graduates,
    }


def _beside(found: Interval, usual: float | None) -> str:
    """Where the interval lies."""
    if usual is None or found.low is None or found.high is None:
        return "unclear"
    if found.low <= usual <= found.high:
        return "unclear"
    return "above" if found.low > usual else "below"
