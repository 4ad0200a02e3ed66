"""The figures of the data report: what came, what stayed, and what it looks like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow.parquet as pq
from ibis import _
from ibis.expr.types import Table

from endcap.tables.parts import Part
from endcap.tables.rows import count_of, counts_of, one_of, rows_of
from endcap.tables.schema import EVENT_TYPES
from endcap.types import DAY

EPOCH = date(1970, 1, 1)

BINS = 12
"""Of the little histogram of each feature."""


@dataclass(frozen=True)
class Tables:
    """What the report looks at: all steps of `endcap.tables.prepare.line`.

    came: of the rows that came, see `came`. listed: the catalogue as imported.
    """

    came: dict[str, Any]
    listed: Table
    items: Table
    users: Table
    events: Table
    targets: tuple[int, ...]


def figures(tables: Tables) -> dict[str, Any]:
    """All numbers, ready for JSON. Days are ISO dates in UTC, shares from 0 to 1."""
    events, aims = tables.events, tables.events.kind.isin(tables.targets)
    return {
        **_totals(tables),
        **tables.came,
        "span": _span(events),
        "types": _types(events),
        "targets": [EVENT_TYPES[kind] for kind in tables.targets],
        "histogram": _histogram(events),
        "parts": _parts(events, aims),
        "visitors": _visitors(events),
        "tail": _tail(events, tables.items),
        "again": _again(events.filter(aims)),
        "cold": _cold(events, aims),
        "catalogue": _catalogue(tables),
        "top_categories": _top_categories(events, tables.items),
        "top_items": _top_items(events, tables.items),
    }


def came(read: Table, faults: Table) -> dict[str, Any]:
    """Rows read, rows dropped by reason, and the event types that are not in use.

    read: every row that came, with the reason that it shows by itself. faults: of further rows.
    """
    unused = ibis.ifelse(_.reason == "unused_type", _.event_type, ibis.null("string"))
    shown = read.filter(_.reason.notnull()).group_by("reason", type=unused).agg(rows=_.count())
    rows = rows_of(shown.order_by(_.rows.desc(), "reason", "type"))
    dropped: Counter[str] = Counter()
    for row in rows:
        dropped[row["reason"]] += row["rows"]
    dropped.update(counts_of(faults, "fault"))
    return {
        "read": count_of(read),
        "dropped": dict(dropped.most_common()),
        "unused_types": {row["type"]: row["rows"] for row in rows if row["type"]},
    }


def feature_figures(path: Path) -> list[dict[str, Any]]:
    """Of each feature of a Parquet file: least, middle, greatest, and a little histogram."""
    names = pq.ParquetDataset(path).schema.names  # of a file or a folder
    return [_feature(name, pq.read_table(path, columns=[name])[name].to_numpy()) for name in names]


def _feature(name: str, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    low, middle, high = np.quantile(values, [0, 0.5, 1]) if len(values) else (0, 0, 0)
    return {
        "name": name,
        "min": round(float(low), 4),
        "median": round(float(middle), 4),
        "max": round(float(high), 4),
        "histogram": np.histogram(values, BINS, (0, 1))[0].tolist(),
    }


def _totals(tables: Tables) -> dict[str, Any]:
    events = one_of(tables.events.agg(events=_.count(), sessions=_.session.max()))
    return {
        "events": events["events"],
        "users": count_of(tables.users),
        "items": count_of(tables.items),
        "sessions": events["sessions"],
    }


def _span(events: Table) -> dict[str, Any]:
    times = one_of(events.agg(first=_.time.min(), last=_.time.max()))
    days = (times["last"] - times["first"]) / DAY
    return {"first": _day(times["first"]), "last": _day(times["last"]), "days": round(days, 2)}


def _types(events: Table) -> dict[str, int]:
    return {EVENT_TYPES[kind]: rows for kind, rows in counts_of(events, "kind").items()}


def _histogram(events: Table) -> dict[str, Any]:
    """Events by day, week or month, whichever gives at most about sixty bars."""
    days = {
        EPOCH + timedelta(days=day): rows
        for day, rows in counts_of(events.select(day=_.time // DAY), "day").items()
    }
    first, last = min(days), max(days)
    unit = "day" if (last - first).days < 60 else "week" if (last - first).days < 420 else "month"
    counts = Counter(dict.fromkeys(_steps(_start(first, unit), last, unit), 0))
    for day, rows in days.items():
        counts[_start(day, unit)] += rows
    starts = [start.isoformat() for start in counts]
    return {"unit": unit, "starts": starts, "events": list(counts.values())}


def _start(day: date, unit: str) -> date:
    """The first day of the day's week or month.

    >>> _start(date(2017, 3, 1), "week").isoformat()
    '2017-02-27'
    """
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if unit == "week" else day


def _steps(first: date, last: date, unit: str) -> Iterable[date]:
    while first <= last:
        yield first
        first = _start(first + timedelta(days={"day": 1, "week": 7, "month": 31}[unit]), unit)


def _parts(events: Table, aims: ibis.Value) -> list[dict[str, Any]]:
    parts = events.mutate(aim=aims).group_by("part")
    counts = parts.agg(
        events=_.count(),
        targets=_.aim.sum(),
        users=_.user.nunique(),
        first=_.time.min(),
        last=_.time.max(),
    )
    return [
        {
            **row,
            "part": Part(row["part"]).name.lower(),
            "first": _day(row["first"]),
            "last": _day(row["last"]),
        }
        for row in rows_of(counts.order_by("part"))
    ]


def _visitors(events: Table) -> dict[str, Any]:
    # A visitor's sessions are numbered one after the other.
    each = events.group_by("user").agg(
        events=_.count(), sessions=_.session.max() - _.session.min() + 1
    )
    return one_of(
        each.agg(
            median_events=_.events.median(),
            most_events=_.events.max(),
            median_sessions=_.sessions.median(),
            with_two=(_.events > 1).mean(),
        )
    )


def _tail(events: Table, items: Table) -> dict[str, Any]:
    """How unevenly attention falls on the items that got any."""
    each = events.group_by("item").agg(rows=_.count())
    down = ibis.window(order_by=[_.rows.desc(), "item"])
    ranked = each.mutate(
        place=ibis.row_number().over(down),
        so_far=_.rows.sum().over(down.between(None, 0)) / _.rows.sum().over(ibis.window()),
        of=_.count().over(ibis.window()),
    )
    tail = one_of(
        ranked.agg(
            seen=_.count(),
            once=(_.rows == 1).mean(),
            half=(_.so_far < 0.5).sum() + 1,
            top_1_percent=_.so_far.max(where=(_.place < _.of * 0.01) | (_.place == 0)),
            top_10_percent=_.so_far.max(where=(_.place < _.of * 0.1) | (_.place == 0)),
        )
    )
    return {**tail, "never": count_of(items) - tail["seen"]}


def _again(taken: Table) -> float:
    """The share of what visitors take that they had taken at an earlier moment."""
    pair = ibis.window(group_by=["user", "item"])
    again = taken.mutate(again=_.time > _.time.min().over(pair))
    return float(one_of(again.agg(share=_.again.mean()))["share"] or 0)


def _cold(events: Table, aims: ibis.Value) -> float:
    """The share of what is taken in the test part that nobody had seen before it."""
    seen = events.filter(_.part < int(Part.TEST)).select("item").distinct().mutate(seen=True)
    asked = events.filter(aims & (events.part == int(Part.TEST))).left_join(seen, "item")
    return float(one_of(asked.agg(share=_.seen.isnull().mean()))["share"] or 0)


def _catalogue(tables: Tables) -> dict[str, Any]:
    unlisted = tables.items.anti_join(tables.listed, "item_id")
    codes = unlisted.select(item=_.row.cast("int32"))
    described = _.title.notnull() | _.description.notnull()
    return {
        "listed": count_of(tables.listed),
        "unlisted_items": count_of(unlisted),
        "unlisted_events": count_of(tables.events.semi_join(codes, "item")),
        **one_of(
            tables.items.agg(
                described=described.mean(),
                categorised=(_.category > 0).mean(),
                priced=(_.price.notnull() | _.sale_price.notnull()).mean(),
            )
        ),
    }


def _top_categories(events: Table, items: Table, n: int = 8) -> list[dict[str, Any]]:
    """The departments with the most events; of a shop with one, its categories."""
    path = _.categories[0]
    named = items.filter(_.category > 0).mutate(root=path.split(">")[0].strip(), leaf=path)
    roots = one_of(named.agg(n=_.root.nunique()))["n"]
    named = named.select(item=_.row.cast("int32"), name=named.root if roots > 1 else named.leaf)
    each = events.group_by("item").agg(events=_.count()).join(named, "item")
    counts = each.group_by("name").agg(events=_.events.sum(), items=_.count())
    return rows_of(counts.order_by(_.events.desc(), "name").limit(n))


def _top_items(events: Table, items: Table, n: int = 8) -> list[dict[str, Any]]:
    counts = events.group_by("item").agg(events=_.count())
    best = counts.order_by(_.events.desc(), "item").limit(n)
    known = events.semi_join(best, "item").group_by("item").agg(users=_.user.nunique())
    best = best.join(known, "item")
    title = ibis.coalesce(_.title, _.description.substr(0, 80), _.item_id)
    named = best.join(items.mutate(item=_.row.cast("int32"), title=title), "item")
    chosen = named.select("item_id", "title", "events", "users")
    return rows_of(chosen.order_by(_.events.desc(), "item_id"))


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).date().isoformat()
