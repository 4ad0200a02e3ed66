"""How much the place in a list does by itself.

What stands first is clicked because it stands first. Where that is strong and the places were
never dealt by chance, models learn the place for the item.
"""

from __future__ import annotations

from ibis import _

from endcap.doctor.finding import Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import percent
from endcap.tables.rows import rows_of

PLACES, ENOUGH = 10, 100
"""The first places of a list, and how often each must have been shown."""

STRONG = 3.0
"""Times more clicks at the first place than in the middle."""

EXPLORED = 0.05
"""Of what was shown: drawn by chance, with the chance noted."""

REPAIR = """\
[rules.explore]
use = "endcap.rules.explore:Explore"
share = 0.1

[placements.home]
rules = ["already_taken", "availability", "explore"]"""


def check(log: Log) -> Finding:
    shown = log.impressions.filter(_.item_id.notnull(), _.position.between(0, 1_000))
    clicked = log.answered.select("recommendation_id", "item_id").distinct().mutate(clicked=True)
    joined = shown.left_join(clicked, ["recommendation_id", "item_id"])
    each = joined.group_by("position").agg(
        shown=_.count(),
        clicked=_.clicked.sum(),
        explored=(_.propensity < 1).fill_null(False).sum(),
    )
    rows = rows_of(each.order_by("position").limit(PLACES).filter(_.shown >= ENOUGH))
    rates = [(row["clicked"] or 0) / row["shown"] for row in rows]
    if len(rows) < 3 or not any(rates):
        return Finding("pass", "Too little was shown in known places to tell what the place does")
    middle = sorted(rates)[len(rates) // 2]
    ratio = rates[0] / middle if middle else STRONG * 2
    labels = [str(row["position"]) for row in rows]
    picture = Bars(
        "Clicks of a hundred shown, by place", labels, [100 * rate for rate in rates], [0]
    )
    explored = sum(row["explored"] for row in rows) / sum(row["shown"] for row in rows)
    strong = ratio >= STRONG and explored < EXPLORED
    return Finding(
        "warn" if strong else "pass",
        f"The first place is clicked {ratio:.1f} times as often as one in the middle; "
        f"{percent(explored)} of the places were dealt by chance",
        repair=REPAIR if strong else "",
        picture=picture,
    )
