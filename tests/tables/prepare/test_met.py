"""How many visitors met each item before each part."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from endcap.tables.prepare.met import Met
from endcap.tables.prepare.pieces import offsets

EVENTS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 7, 1_000]), st.sampled_from([0, 1, 2, 3])),
    max_size=40,
)


def counted(events: list[tuple[int, int, int]]) -> list[dict[str, int]]:
    """By looking at each event."""
    first: dict[tuple[int, int], int] = {}
    for user, item, part in events:
        first[user, item] = min(part, first.get((user, item), 9))
    items: defaultdict[int, list[int]] = defaultdict(list)
    for (_, item), part in first.items():
        items[item].append(part)
    return [
        {
            "item": item,
            **{f"visitors_{part}": sum(one < part for one in parts) for part in range(1, 5)},
        }
        for item, parts in sorted(items.items())
    ]


@given(EVENTS, st.integers(1, 5))
def test_each_visitor_counts_once_from_their_first_event_on(
    events: list[tuple[int, int, int]], apart: int
) -> None:
    events = sorted(events)
    met = Met()
    for piece in ([e for e in events if e[0] % apart == turn] for turn in range(apart)):
        if piece:
            user, item, part = (np.array(column) for column in zip(*piece, strict=True))
            starts = offsets(pa.chunked_array([user]))
            met.add(starts, item.astype(np.int32), part.astype(np.int8))
    assert met.table().to_pylist() == counted(events)
