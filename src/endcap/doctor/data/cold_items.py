"""How much of what is wanted is new.

Items that nobody has seen before can only be recommended by what the catalogue says of them.
"""

from __future__ import annotations

from ibis import _

from endcap.doctor.finding import Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import percent
from endcap.tables.rows import count_of, one_of
from endcap.types import DAY

WINDOW = 14
"""Days at the end of the log that are looked at, at most a quarter of it."""

MUCH = 0.3


def check(log: Log) -> Finding:
    first, last = log.span
    begin = last - int(min(WINDOW, log.days / 4) * DAY)
    rows = log.events.filter(_.item_id.notnull())
    wanted = [name for name in log.config.events.targets if name in log.kinds()]
    late = rows.filter(_.time >= begin, _.time <= last)
    late = late.filter(_.event_type.isin(wanted)) if wanted else late
    before = rows.filter(_.time < begin)
    total = count_of(late)
    if not total or begin <= first:
        return Finding("pass", "The log is too short to tell what is new")
    cold = late.anti_join(before, "item_id")
    share = count_of(cold) / total
    people = late.select("visitor").distinct()
    new = people.anti_join(before, "visitor")
    visitors = count_of(people)
    strange = count_of(new) / visitors
    described = _described(log)
    days = (last - begin) / DAY
    bad = share > MUCH and described < 0.5
    each = cold.group_by("item_id").agg(events=_.count()).order_by(_.events.desc(), "item_id")
    return Finding(
        "warn" if bad else "pass",
        f"In the last {days:.0f} days {percent(share)} of what was "
        f"{' or '.join(map(_done, wanted)) or 'done'} was on items never seen before, and "
        f"{percent(strange)} of those who did it were new"
        + (f"; {percent(described)} of the items have a title" if bad else ""),
        log.examples(each, "item_id", "events") if bad else (),
        "endcap import CATALOGUE  # with titles and categories" if bad else "",
        Bars(
            "Of a hundred",
            ["items known", "items new", "visitors known", "visitors new"],
            [100 * one for one in (1 - share, share, 1 - strange, strange)],
            [1, 3],
        ),
    )


def _done(name: str) -> str:
    return {"purchase": "bought", "rate": "rated"}.get(name, name)


def _described(log: Log) -> float:
    known = log.items.agg(share=(_.title.notnull() | _.description.notnull()).mean())
    return float(one_of(known)["share"] or 0)
