"""Events are counted back from a question's moment, which itself does not count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from endcap.tables.scene import LONGEST, EventTypes, Of, Scene, Window, span
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import DAY, History, Queries, Ranking, Stretch, offsets_of
from tests.shops import catalogue

GOODS = catalogue(4, categories=[1, 1, 3, 0], brands=[2, 0, 2, 2])
"""Items 0 and 1 are of one category, 3 is of none; 1 has no brand."""

OFS: tuple[Of, ...] = get_args(Of)


class Event(NamedTuple):
    user: int
    item: int
    event_type: str
    time: int


def stretch(events: list[Event]) -> Stretch:
    return Stretch(
        np.array([one.item for one in events], np.int32),
        np.array([kind(one.event_type) for one in events], np.int8),
        np.array([one.time for one in events], np.int64),
    )


def scene(events: list[Event], asked: list[tuple[int, int]], parts: int = 1) -> Scene:
    """Questions of (user, moment) about all items; the log comes in so many pieces."""
    pasts = [
        sorted((one for one in events if one.user == user and one.time < at), key=lambda e: e.time)
        for user, at in asked
    ]
    own = stretch([one for past in pasts for one in past])
    offsets = offsets_of(np.array([len(past) for past in pasts], np.int64))
    history = History(offsets, own.items, own.kinds, own.times)
    users = np.array([user for user, _ in asked], np.int32)
    queries = Queries.of(users, np.array([at for _, at in asked], np.int64), history)
    log = [stretch(events[part::parts]) for part in range(parts)]
    query = np.repeat(np.arange(len(asked), dtype=np.int32), len(GOODS))
    item = np.tile(np.arange(len(GOODS), dtype=np.int32), len(asked))
    ranking = Ranking(query, item, np.zeros(len(item), np.float32))
    return Scene(replace(queries, log=lambda: log), ranking, GOODS)


DAYS = [
    Event(1, 0, "view", 0 * DAY),
    Event(1, 0, "view", 1 * DAY),
    Event(2, 0, "view", 1 * DAY),
    Event(2, 1, "purchase", 2 * DAY),
    Event(1, 3, "view", 2 * DAY),
    Event(1, 0, "view", 3 * DAY),
    Event(2, 0, "purchase", 4 * DAY),
]

ASKED = [(1, 3 * DAY)]
"""Visitor 1 asks at the very moment of their view of item 0."""


@pytest.mark.parametrize(
    ("of", "event_types", "days", "expected"),
    [
        ("item", (), 30, [3, 1, 0, 1]),
        ("item", (), 2, [2, 1, 0, 1]),
        ("item", (), 1, [0, 1, 0, 1]),
        ("item", ("view",), 2, [2, 0, 0, 1]),
        ("item", ("purchase", "refund"), 2, [0, 1, 0, 0]),
        ("category", (), 2, [3, 3, 0, np.nan]),
        ("brand", (), 2, [3, np.nan, 3, 3]),
        ("visitor", (), 2, [2, 2, 2, 2]),
        ("visitor_item", (), 30, [2, 0, 0, 1]),
        ("visitor_category", (), 30, [2, 2, 0, np.nan]),
        ("visitor_brand", ("view",), 1.5, [1, np.nan, 1, 1]),
    ],
)
def test_counts_known_by_thought(
    of: Of, event_types: tuple[str, ...], days: float, expected: list[float]
) -> None:
    found = scene(DAYS, ASKED).count(of, event_types, round(days * DAY))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("of", "event_types", "days", "expected"),
    [
        ("item", (), 30, [2, 1, np.nan, 1]),
        ("item", (), 1.5, [np.nan, 1, np.nan, 1]),
        ("category", (), 30, [1, 1, np.nan, np.nan]),
        ("visitor", ("view",), 30, [1, 1, 1, 1]),
        ("visitor_item", (), 30, [2, np.nan, np.nan, 1]),
    ],
)
def test_days_since_known_by_thought(
    of: Of, event_types: tuple[str, ...], days: float, expected: list[float]
) -> None:
    found = scene(DAYS, ASKED).since(of, event_types, round(days * DAY))
    np.testing.assert_array_equal(found / DAY, expected)


def test_all_items_together() -> None:
    found = scene(DAYS, [(1, 3 * DAY), (2, 5 * DAY)])
    assert found.total((), 2 * DAY).tolist() == [4] * 4 + [2] * 4
    assert found.total(("purchase",), LONGEST).tolist() == [1] * 4 + [2] * 4


def test_without_a_log_nobody_knows_what_others_did() -> None:
    own = scene(DAYS, ASKED)
    alone = Scene(replace(own.queries, log=None), own.ranking, GOODS)
    assert np.isnan(alone.count("item", (), DAY)).all()
    assert np.isnan(alone.since("category", (), DAY)).all()
    assert np.isnan(alone.total((), DAY)).all()
    assert alone.count("visitor", (), 2 * DAY).tolist() == [2] * 4


def test_an_item_that_came_since_was_seen_by_nobody() -> None:
    """And what is counted anew for more items is what was counted before."""
    own = scene(DAYS, ASKED)
    assert own.count("category", (), LONGEST)[0] == 4
    more = catalogue(6, categories=[1, 1, 3, 0, 1, 9], brands=[2, 0, 2, 2, 0, 0])
    lists = Ranking(*(np.array(column, dtype) for column, dtype in TWO))
    met = Scene(own.queries, lists, more)
    assert met.count("item", (), LONGEST).tolist() == [0, 0]
    assert met.count("category", (), LONGEST).tolist() == [4, 0]
    moved = catalogue(6, categories=[9, 1, 3, 0, 1, 9])
    assert Scene(own.queries, lists, moved).count("category", (), LONGEST).tolist() == [1, 3]


TWO: list[tuple[list[Any], type]] = [([0, 0], np.int32), ([4, 5], np.int32), ([0, 0], np.float32)]
"""One list of items 4 and 5."""

events = st.lists(
    st.builds(
        Event,
        user=st.integers(1, 3),
        item=st.integers(0, 3),
        event_type=st.sampled_from(["view", "purchase", "rate"]),
        time=st.integers(0, 12),
    ),
    max_size=25,
)


@given(
    events=events,
    asked=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 14)), min_size=1, max_size=4),
    event_types=st.sampled_from([(), ("view",), ("purchase", "rate")]),
    window=st.integers(1, 14),
    parts=st.integers(1, 3),
)
def test_a_loop_finds_the_same(
    events: list[Event],
    asked: list[tuple[int, int]],
    event_types: tuple[str, ...],
    window: int,
    parts: int,
) -> None:
    found = scene(events, asked, parts)
    total = found.total(event_types, window)
    for of in OFS:
        count, since = found.count(of, event_types, window), found.since(of, event_types, window)
        for row, (query, item) in enumerate(
            zip(found.ranking.query, found.ranking.item, strict=True)
        ):
            user, moment = asked[query]
            recent = [
                one
                for one in events
                if moment - window <= one.time < moment
                and one.event_type in (event_types or EVENT_TYPES)
            ]
            assert total[row] == len(recent)
            times = [one.time for one in recent if same(of, user, int(item), one)]
            if not stands_for(of, int(item)):
                assert np.isnan(count[row])
            else:
                assert count[row] == len(times)
            if times:
                assert since[row] == moment - max(times)
            else:
                assert np.isnan(since[row])


def same(of: Of, user: int, item: int, event: Event) -> bool:
    """Whether an event counts for a visitor and an item."""
    if of.startswith("visitor") and event.user != user:
        return False
    return of == "visitor" or 0 != stands_for(of, item) == stands_for(of, event.item)


def stands_for(of: Of, item: int) -> int:
    if of.endswith("category"):
        return int(GOODS.category[item])
    return int(GOODS.brand[item]) if of.endswith("brand") else item + 1


@pytest.mark.parametrize(
    ("text", "days"), [("1h", 1 / 24), ("90m", 1 / 16), ("7d", 7), ("30 d", 30), ("0.5d", 0.5)]
)
def test_a_window_is_told_in_minutes_hours_or_days(text: str, days: float) -> None:
    assert span(TypeAdapter(Window).validate_python(text)) == days * DAY


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "31d", "-1h", "1w", "1e3h", "٧d", "7d7d"])
def test_what_is_no_window_is_told(text: str) -> None:
    with pytest.raises(ValidationError, match='up to 30 days, as "1h" or "7d"'):
        TypeAdapter(Window).validate_python(text)


def test_what_is_no_event_type_is_told() -> None:
    with pytest.raises(ValidationError, match="'veiw' is not one of impression, click, view"):
        TypeAdapter(EventTypes).validate_python(["purchase", "veiw"])
