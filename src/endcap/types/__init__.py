"""The values that travel: Query, Ranking, Candidates.

A batch of questions is `Queries`, one column for each property, so that one visitor at the
shop's door and fifty thousand in an evaluation take the same path. Users and items travel
as integer codes (see `endcap.tables.dataset`); moments are UTC microseconds.

    Queries ──retrieve──▶ Ranking (one a retriever) ──join──▶ Candidates ──rank──▶ Ranking
"""

from endcap.types.arrays import (
    DAY,
    HOUR,
    MINUTE,
    NOBODY,
    UNIT,
    Bools,
    Floats,
    Int8s,
    Int32s,
    Int64s,
    Report,
    among,
    distinct,
    firsts,
    offsets_of,
    pair_keys,
    ranges,
    silent,
    spans,
    whole,
)
from endcap.types.candidates import Candidates
from endcap.types.encoded import Encoded
from endcap.types.laps import Laps
from endcap.types.log import Index, Kinds, Log, Stretch, recoded
from endcap.types.moved import Moved, Push, Tie
from endcap.types.queries import Queries
from endcap.types.ragged import History, Ragged
from endcap.types.ranking import Ranking

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "NOBODY",
    "UNIT",
    "Bools",
    "Candidates",
    "Encoded",
    "Floats",
    "History",
    "Index",
    "Int8s",
    "Int32s",
    "Int64s",
    "Kinds",
    "Laps",
    "Log",
    "Moved",
    "Push",
    "Queries",
    "Ragged",
    "Ranking",
    "Report",
    "Stretch",
    "Tie",
    "among",
    "distinct",
    "firsts",
    "offsets_of",
    "pair_keys",
    "ranges",
    "recoded",
    "silent",
    "spans",
    "whole",
]
