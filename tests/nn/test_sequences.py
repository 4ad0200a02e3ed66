"""What a network reads and what it is asked to say, held against a reading event by event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.nn.aims import next_moments
from endcap.nn.sequences import (
    GAPS,
    TrainingBatch,
    gap_buckets,
    query_batch,
    training_batches,
    windows,
)
from endcap.types import MINUTE, Floats, History, Queries, offsets_of, spans

LENGTH = 5


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Visitors whose events may share moments; each item stands once, so that it names its event.

    The first moments of one visitor may equal the last of the one before.
    """
    steps = draw(st.lists(st.lists(st.integers(0, 2), max_size=14), max_size=5))
    moments = [np.cumsum(row) * 10 * MINUTE for row in steps]
    size = sum(map(len, steps))
    return History(
        offsets_of(np.array([len(row) for row in steps], np.int64)),
        np.arange(1, size + 1, dtype=np.int32),
        np.full(size, 2, np.int8),
        np.concatenate([*moments, np.zeros(0, np.int64)]).astype(np.int64),
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def following(history: History, place: int) -> set[int]:
    """The places of the moment after an event's own, found by looking."""
    row = history.rows[place]
    later = [
        other
        for other in np.flatnonzero(history.rows == row)
        if history.times[other] > history.times[place]
    ]
    first = min((history.times[other] for other in later), default=0)
    return {int(other) for other in later if history.times[other] == first}


@settings(deadline=None)
@given(histories())
def test_the_next_moment_of_each_event(history: History) -> None:
    start, stop = next_moments(history)
    for place in range(len(history.items)):
        assert set(range(start[place], stop[place])) == following(history, place)


@settings(deadline=None)
@given(histories(), st.integers(2, 7))
def test_windows_hold_every_event_once_and_none_is_too_long(history: History, length: int) -> None:
    starts, stops = windows(history, length, rng())
    assert all(stops - starts <= length)
    assert all(stops > starts)
    places = spans(starts, stops)
    assert sorted(places.tolist()) == list(range(len(history.items)))
    for a, b in zip(starts, stops, strict=True):
        assert history.rows[a] == history.rows[b - 1]


@dataclass(frozen=True)
class Learnt:
    """One position of a batch, by the places of its event and of its target in the history."""

    event: int
    target: int
    gap: int


def filled(batch: TrainingBatch) -> Iterator[Learnt]:
    """All events of a batch, after a check of its padding."""
    for row in range(len(batch.items)):
        length = int(batch.last[row]) + 1
        assert (batch.target[row, length:] == -1).all()
        assert batch.gaps is not None
        for padded in (batch.items, batch.kinds, batch.gaps, batch.times):
            assert (padded[row, length:] == 0).all()
        assert (batch.kinds[row, :length] == 2).all()
        for column in range(length):
            item, target = int(batch.items[row, column]), int(batch.target[row, column])
            aim = target - 1 if target >= 0 else -1
            yield Learnt(item - 1, aim, int(batch.gaps[row, column]))


@settings(deadline=None)
@given(histories())
def test_targets_come_from_the_next_moment_of_the_same_visitor(history: History) -> None:
    seen = []
    for batch in training_batches(history, LENGTH, 12, rng()):
        assert batch.items.shape[1] <= LENGTH
        assert batch.items.numel() <= 12
        for learnt in filled(batch):
            seen.append(learnt.event)
            aims = following(history, learnt.event)
            if not aims:
                assert (learnt.target, learnt.gap) == (-1, 0)
                continue
            assert learnt.target in aims
            apart = history.times[learnt.target] - history.times[learnt.event]
            assert learnt.gap == gap_buckets(np.array([apart]))[0]
    assert len(seen) == len(set(seen))
    teaching = {place for place in range(len(history.items)) if following(history, place)}
    assert teaching <= set(seen)


@st.composite
def weighed(draw: st.DrawFn) -> tuple[History, Floats]:
    """Visitors, and how much each of their events counts as a target."""
    history = draw(histories())
    size = len(history.items)
    weights = draw(st.lists(st.sampled_from([0.0, 0.5, 3.0]), min_size=size, max_size=size))
    return history, np.array(weights, np.float32)


@given(weighed())
def test_targets_count_by_their_weight_and_those_of_weight_0_are_none(
    case: tuple[History, Floats],
) -> None:
    history, weights = case
    seen = set()
    for batch in training_batches(history, LENGTH, 12, rng(), weights):
        assert batch.weight is not None
        assert (batch.target >= 0).any(dim=1).all(), "each row teaches something"
        for item, target, weight in zip(
            batch.items.flatten(), batch.target.flatten(), batch.weight.flatten(), strict=True
        ):
            if target < 0:
                assert weight == 0
                continue
            assert int(target) - 1 in following(history, int(item) - 1)
            assert weight == weights[target - 1] > 0
            seen.add(int(item) - 1)
    assert seen == {
        place
        for place in range(len(history.items))
        if any(weights[other] > 0 for other in following(history, place))
    }


@given(histories())
def test_equal_weights_change_nothing(history: History) -> None:
    ones = np.ones(len(history.items), np.float32)
    plain = training_batches(history, LENGTH, 12, rng())
    even = training_batches(history, LENGTH, 12, rng(), ones)
    for one, other in zip(plain, even, strict=True):
        assert one.weight is None
        for column in ("items", "kinds", "gaps", "times", "target", "last"):
            assert (getattr(one, column) == getattr(other, column)).all()


def test_each_item_of_the_next_moment_is_the_target_at_times() -> None:
    one = np.ones(4, np.int8)
    history = History(
        np.array([0, 4]), np.array([1, 2, 3, 4], np.int32), one, np.array([0, 1, 1, 1])
    )
    generator = rng()
    targets = {
        int(batch.target[0, 0])
        for _ in range(50)
        for batch in training_batches(history, LENGTH, 100, generator)
    }
    assert targets == {2, 3, 4}


def test_gaps_double_and_have_an_end() -> None:
    minutes = np.array([-5, 0, 1, 3, 7, 60, 10**9])
    assert gap_buckets(minutes * MINUTE).tolist() == [0, 0, 1, 2, 3, 5, GAPS - 1]


def test_a_query_is_read_from_its_newest_events_with_the_gap_to_its_moment() -> None:
    history = History(
        np.array([0, 3, 4]),
        np.array([7, 8, 9, 5], np.int32),
        np.array([1, 2, 1, 3], np.int8),
        np.array([0, 10, 10, 0]) * MINUTE,
    )
    queries = Queries.of(np.zeros(2, np.int32), np.array([13, 7]) * MINUTE, history)
    batch = query_batch(queries, 2, gaps=True)
    assert batch.gaps is not None
    assert batch.items.tolist() == [[8, 9], [5, 0]]
    assert batch.kinds.tolist() == [[2, 1], [3, 0]]
    assert batch.last.tolist() == [1, 0]
    assert batch.gaps.tolist() == [[2, 2], [3, 0]]
    assert batch.times.tolist() == [[10, 10], [0, 0]]
    longer = query_batch(queries, 9, gaps=True).gaps
    assert longer is not None
    assert longer[0].tolist() == [3, 2, 2]
    unread = query_batch(queries, 2, gaps=False)
    assert unread.gaps is None
    assert unread.items.tolist() == batch.items.tolist()
