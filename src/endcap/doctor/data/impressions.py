"""What was shown, and whether it is in the log.

Without it nobody can say whether an item was passed over or never seen.
"""

from __future__ import annotations

from endcap.doctor.finding import Finding
from endcap.doctor.log import ACTS, Log
from endcap.tables.prepare.checks import grade, percent
from endcap.tables.rows import count_of

ENOUGH = 100

COLUMNS = ("recommendation_id", "event_type", "item_id", "time")
"""Of an event without what was shown."""

REPAIR = "endcap import SHOWN --kind impressions"


def check(log: Log) -> Finding:
    shown = count_of(log.impressions)
    kinds = log.kinds()
    told = shown + kinds.get("impression", 0)
    acts = log.answered
    answered = count_of(acts)
    if not told and not answered:
        return Finding(
            "pass", "What was shown is not in the log yet; Endcap notes it once it answers"
        )
    if not told:
        said = f"{answered:,} events follow a recommendation, but none of what was shown is there"
        return Finding("warn", said, log.examples(acts, *COLUMNS), REPAIR)
    if told >= ENOUGH and not any(kinds.get(name) for name in ACTS):
        return Finding(
            "fail",
            f"{told:,} items were shown and none was clicked: clicks do not arrive",
            repair='Send them: endcap("click", {item_id, recommendation_id})',
        )
    missing = acts.anti_join(log.impressions, "recommendation_id")
    lost = count_of(missing) if shown else 0
    share = lost / answered if answered >= ENOUGH else 0.0
    status = grade(share, 0.1, 0.9)
    return Finding(
        status,
        f"{told:,} items were shown; {percent(share)} of what was done with an answer belongs to "
        "one that is not there",
        log.examples(missing, *COLUMNS) if share else (),
        REPAIR if status != "pass" else "",
    )
