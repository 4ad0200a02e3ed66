"""How much of what is wanted is new.

Items that nobody has seen before can only be recommended by what the catalogue says of them.
"""

from __future__ import annotations

from ibis import _
from ibis.expr.types import Table

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
    share, strange = count_of(cold) / total, _strange(late, before)
    said = (
        f"In the last {(last - begin) / DAY:.0f} days {percent(share)} of what was "
        f"{' or '.join(map(_done, wanted)) or 'done'} was on items never seen before, and "
        f"{percent(strange)} of those who did it were new"
    )
    described, picture = _described(log), _picture(share, strange)
    if share <= MUCH or described >= 0.5:
        return Finding("pass", said, picture=picture)
    each = cold.group_by("item_id").agg(events=_.count()).order_by(_.events.desc(), "item_id")
    return Finding(
        "warn",
        f"{said}; {percent(described)} of the items have a title",
        log.examples(each, "item_id", "events"),
        "endcap import CATALOGUE  # with titles and categories",
        picture,
    )


def _strange(late: Table, before: Table) -> float:
    """The share of the late visitors who had not been there before."""
    people = late.select("visitor").distinct()
    return count_of(people.anti_join(before, "visitor")) / count_of(people)


def _picture(share: float, strange: float) -> Bars:
    return Bars(
        "Of a hundred",
        ["items known", "items new", "visitors known", "visitors new"],
        [100 * one for one in (1 - share, share, 1 - strange, strange)],
        [1, 3],
    )


def _done(name: str) -> str:
    return {"purchase": "bought", "rate": "rated"}.get(name, name)


def _described(log: Log) -> float:
    known = log.items.agg(share=(_.title.notnull() | _.description.notnull()).mean())
    return float(one_of(known)["share"] or 0)
