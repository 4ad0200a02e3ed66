"""The figures of the data report: what came, what stayed, and what it looks like."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
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

LIVE = int(Part.LIVE)

BINS = 12
"""Of the little histogram of each feature."""


@dataclass(frozen=True)
class Tables:
    """What the report looks at: all steps of `endcap.tables.prepare.line`.

    came: of the rows that came, see `came`. listed: the catalogue as imported. met: by item, see
    `endcap.tables.prepare.met`.
    """

    came: dict[str, Any]
    listed: Table
    items: Table
    users: Table
    events: Table
    met: Table
    targets: tuple[int, ...]


def figures(tables: Tables, known: Table) -> dict[str, Any]:
    """All numbers, ready for JSON. Days are ISO dates in UTC, shares from 0 to 1.

    known: of the items, see `endcap.tables.prepare.item_features.facts`.
    """
    events, days = tables.events, _days(tables.events)
    users, visitors = _visitors(events)
    now = {"events": f"events_{LIVE}", "users": f"visitors_{LIVE}"}
    each = known.select("item", **{name: known[fact].cast("int64") for name, fact in now.items()})
    return {
        "events": sum(day["events"] for day in days),
        "users": count_of(tables.users),
        "items": count_of(tables.items),
        "sessions": one_of(events.agg(sessions=_.session.max()))["sessions"],
        **tables.came,
        "span": _span(days),
        "types": {EVENT_TYPES[kind]: rows for kind, rows in _counted(days, "kind").most_common()},
        "targets": [EVENT_TYPES[kind] for kind in tables.targets],
        "histogram": _histogram(_counted(days, "day")),
        "parts": _parts(days, tables.targets, users),
        "visitors": visitors,
        "tail": _tail(each, tables.items),
        "again": _again(events.filter(_.kind.isin(tables.targets))),
        "cold": _cold(tables, known),
        "catalogue": _catalogue(tables, each),
        "top_categories": _top_categories(each, tables.items),
        "top_items": _top_items(each, tables.items),
    }


def came(read: Table, faults: Table) -> dict[str, Any]:
    """Rows read, rows dropped by reason, and the event types that are not in use.

    read: every row that came, with the reason that it shows by itself, and its type where that is
    the reason. faults: of further rows.
    """
    shown = read.filter(_.reason.notnull()).group_by("reason", type=_.unused).agg(rows=_.count())
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


def _days(events: Table) -> list[dict[str, Any]]:
    """The events of each day, part and kind: how many, the first and the last. Few rows, of which
    much can be said without another look at the events."""
    days = events.group_by("part", "kind", day=_.time // DAY)
    found = days.agg(events=_.count(), first=_.time.min(), last=_.time.max())
    return rows_of(found.order_by("day", "part", "kind"))


def _counted(days: Iterable[dict[str, Any]], by: str) -> Counter[int]:
    counts: Counter[int] = Counter()
    for day in days:
        counts[day[by]] += day["events"]
    return counts


def _ends(days: Sequence[dict[str, Any]]) -> tuple[int, int]:
    return min(day["first"] for day in days), max(day["last"] for day in days)


def _span(days: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first, last = _ends(days)
    return {"first": _day(first), "last": _day(last), "days": round((last - first) / DAY, 2)}


def _histogram(rows: Mapping[int, int]) -> dict[str, Any]:
    """Events by day, week or month, whichever gives at most about sixty bars.

    rows: by the days since 1970.
    """
    days = {EPOCH + timedelta(days=day): count for day, count in rows.items()}
    first, last = min(days), max(days)
    unit = "day" if (last - first).days < 60 else "week" if (last - first).days < 420 else "month"
    counts = Counter(dict.fromkeys(_steps(_start(first, unit), last, unit), 0))
    for day, count in days.items():
        counts[_start(day, unit)] += count
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


def _parts(
    days: Iterable[dict[str, Any]], targets: Container[int], users: Mapping[int, int]
) -> list[dict[str, Any]]:
    by_part: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for day in days:
        by_part[day["part"]].append(day)
    return [_part(part, by_part[part], targets, users[part]) for part in sorted(by_part)]


def _part(
    part: int, days: Sequence[dict[str, Any]], targets: Container[int], users: int
) -> dict[str, Any]:
    first, last = _ends(days)
    return {
        "part": Part(part).name.lower(),
        "events": sum(day["events"] for day in days),
        "targets": sum(day["events"] for day in days if day["kind"] in targets),
        "users": users,
        "first": _day(first),
        "last": _day(last),
    }


def _visitors(events: Table) -> tuple[dict[int, int], dict[str, Any]]:
    """How many there are in each part, and what they are like."""
    within = {f"in_{int(part)}": (_.part == int(part)).any() for part in Part}
    # A visitor's sessions are numbered one after the other.
    each = events.group_by("user").agg(
        events=_.count(), sessions=_.session.max() - _.session.min() + 1, **within
    )
    found = one_of(
        each.agg(
            median_events=_.events.median(),
            most_events=_.events.max(),
            median_sessions=_.sessions.median(),
            with_two=(_.events > 1).mean(),
            **{name: each[name].sum() for name in within},
        )
    )
    return {int(part): found.pop(f"in_{int(part)}") for part in Part}, found


def _tail(each: Table, items: Table) -> dict[str, Any]:
    """How unevenly attention falls on the items that got any."""
    down = ibis.window(order_by=[_.events.desc(), "item"])
    ranked = each.mutate(
        place=ibis.row_number().over(down),
        so_far=_.events.sum().over(down.between(None, 0)) / _.events.sum().over(ibis.window()),
        of=_.count().over(ibis.window()),
    )
    tail = one_of(
        ranked.agg(
            seen=_.count(),
            once=(_.events == 1).mean(),
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


def _cold(tables: Tables, known: Table) -> float:
    """The share of what is taken in the test part that nobody had seen before it."""
    test = int(Part.TEST)
    seen = known.filter(known[f"events_{test}"] > 0).select("item", seen=True)
    aims = tables.events.filter((_.part == test) & _.kind.isin(tables.targets))
    share = aims.left_join(seen, "item").agg(share=_.seen.isnull().mean())
    return float(one_of(share)["share"] or 0)


def _catalogue(tables: Tables, each: Table) -> dict[str, Any]:
    unlisted = tables.items.anti_join(tables.listed, "item_id")
    codes = unlisted.select(item=_.row.cast("int32"))
    described = _.title.notnull() | _.description.notnull()
    return {
        "listed": count_of(tables.listed),
        "unlisted_items": count_of(unlisted),
        "unlisted_events": count_of(each.semi_join(codes, "item"), _.events.sum()),
        **one_of(
            tables.items.agg(
                described=described.mean(),
                categorised=(_.category > 0).mean(),
                priced=(_.price.notnull() | _.sale_price.notnull()).mean(),
            )
        ),
    }


def _top_categories(each: Table, items: Table, n: int = 8) -> list[dict[str, Any]]:
    """The departments with the most events; of a shop with one, its categories."""
    path = _.categories[0]
    named = items.filter(_.category > 0).mutate(root=path.split(">")[0].strip(), leaf=path)
    roots = one_of(named.agg(n=_.root.nunique()))["n"]
    named = named.select(item=_.row.cast("int32"), name=named.root if roots > 1 else named.leaf)
    rows = _.events.sum().cast("int64")
    counts = each.join(named, "item").group_by("name").agg(events=rows, items=_.count())
    return rows_of(counts.order_by(_.events.desc(), "name").limit(n))


def _top_items(each: Table, items: Table, n: int = 8) -> list[dict[str, Any]]:
    best = each.order_by(_.events.desc(), "item").limit(n)
    title = ibis.coalesce(_.title, _.description.substr(0, 80), _.item_id)
    named = best.join(items.mutate(item=_.row.cast("int32"), title=title), "item")
    chosen = named.select("item_id", "title", "events", "users")
    return rows_of(chosen.order_by(_.events.desc(), "item_id"))


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).date().isoformat()
