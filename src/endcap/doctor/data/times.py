"""Times that can't be right."""

from __future__ import annotations

import ibis
from ibis import _

from endcap.doctor.finding import MAPPING, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import grade, percent
from endcap.tables.rows import counts_of, one_of
from endcap.types import DAY

CROWD = 100
"""Visitors who can't all have done something in the same microsecond."""


def check(log: Log) -> Finding:
    clean = log.config.clean
    late = _.time > int(log.now + clean.future * DAY)
    wrong = ibis.cases(
        (_.time < clean.begins, f"before {clean.earliest}"),
        (late, "in the future"),
        (_.time > log.now, "a little ahead of now"),
    )
    rows = log.events.mutate(wrong=wrong)
    bad = rows.filter(_.wrong.notnull())
    counts = counts_of(bad, "wrong")
    lost, skewed, crowd = log.lost["time"], _skewed(log), _crowded(log)
    share = (lost + sum(counts.values())) / max(log.lost["rows"], 1)
    said = [f"{rows:,} events are {name}" for name, rows in counts.items()]
    said += [f"{lost:,} have no time"] * (lost > 0)
    said += [f"{percent(skewed)} of the clicks come before their item was shown"] * (skewed > 0.05)
    said += [f"{percent(crowd)} of the events share one moment with a crowd"] * (crowd > 0.01)
    status = grade(max(share, skewed / 50, crowd / 10), 0.001, 0.2)
    day_only = "" if log.clocked else "; they say the day alone, so the order within it is unknown"
    detail = "; ".join(said) or f"All times are possible{day_only}"
    examples = log.examples(
        bad.order_by(_.time.desc()), "visitor", "event_type", "item_id", "time", "wrong"
    )
    return Finding(status, detail, examples, _repair(lost, counts, crowd, skewed))


def _skewed(log: Log) -> float:
    """The share of what was done with an answer before it was given: clocks that differ."""
    shown = log.impressions.filter(_.timestamp.notnull()).group_by("recommendation_id")
    first = shown.agg(shown=_.timestamp.min())
    acts = log.events.filter(_.recommendation_id.notnull() & (_.event_type != "impression"))
    both = acts.join(first, "recommendation_id")
    found = one_of(both.agg(of=_.count(), early=(_.time < _.shown - 1_000_000).sum()))
    return (found["early"] or 0) / found["of"] if found["of"] >= CROWD else 0.0


def _crowded(log: Log) -> float:
    """The share of events at moments that many visitors share, where times are exact."""
    if not log.clocked:
        return 0.0
    moments = log.events.group_by("time").agg(rows=_.count()).filter(_.rows >= CROWD)
    some = log.events.semi_join(moments, "time").group_by("time")
    crowds = some.agg(rows=_.count(), visitors=_.visitor.nunique()).filter(_.visitors >= CROWD)
    return log.share(int(one_of(crowds.agg(rows=_.rows.sum()))["rows"] or 0))


def _repair(lost: int, counts: dict[str, int], crowd: float, skewed: float) -> str:
    if lost or any(name != "a little ahead of now" for name in counts) or crowd > 0.01:
        return (
            MAPPING
            + 'timestamp = { column = "…", format = "%d.%m.%Y %H:%M" }  # how the file writes it'
        )
    return "Set the clock of the servers by NTP" if skewed > 0.05 else ""
