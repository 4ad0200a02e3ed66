"""Sequences of events as tensors: in batches of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from endcap.nn import processes
from endcap.types import History, Int64s, Queries, spans

GAPS = 16
"""Buckets of the time from one event to the next: 0 is none, then each doubles the last."""

MINUTE = 60_000_000


@dataclass(frozen=True)
class Batch:
    """Events on the left, padding on the right, where no earlier event can see it.

    items, kinds, gaps: [batch, length]; gaps are the buckets of the time to the visitor's next
    moment, or to that of the query.
    target: [batch, length] an item of the next moment, −1 where there is none.
    last: [batch] the place of each row's newest event.
    """

    items: Tensor
    kinds: Tensor
    gaps: Tensor
    target: Tensor
    last: Tensor

    def take(self, rows: slice) -> Batch:
        columns = (self.items, self.kinds, self.gaps, self.target, self.last)
        return Batch(*(column[rows] for column in columns))


def gap_buckets(micros: Int64s) -> Int64s:
    """
    >>> gap_buckets(np.array([0, 60_000_000, 86_400_000_000]))
    array([ 0,  1, 10])
    """
    minutes = np.maximum(micros, 0) / MINUTE
    return np.minimum(np.log2(1 + minutes), GAPS - 1).astype(np.int64)


def next_moments(history: History) -> tuple[Int64s, Int64s]:
    """For each event, where the visitor's next moment begins and ends; empty after the last.

    What shares a moment (the lines of a basket) has no order, and a question is always about
    the moment to come: so an event learns from an item of the next moment, not from its
    neighbour in the log.

    >>> none = np.zeros(4, np.int32)
    >>> history = History(np.array([0, 4]), none, none.astype(np.int8), np.array([1, 1, 2, 3]))
    >>> next_moments(history)
    (array([2, 2, 3, 4]), array([3, 3, 4, 4]))
    """
    first = np.ones(len(history.items), np.bool_)
    first[1:] = (np.diff(history.times) != 0) | (np.diff(history.rows) != 0)
    begins = np.r_[np.flatnonzero(first), len(first)]
    moment = np.cumsum(first) - 1
    start = begins[moment + 1]
    end = np.repeat(history.offsets[1:], history.lengths)
    stop = np.minimum(begins[np.minimum(moment + 2, len(begins) - 1)], end)
    return start, np.maximum(stop, start)


def windows(history: History, length: int, rng: np.random.Generator) -> tuple[Int64s, Int64s]:
    """Cut each row into spans of at most `length` events, from its end.

    The first cut of a long row is shifted by chance, so that over the epochs an event is
    learnt from in contexts of all lengths. Returns the spans' starts and stops.
    """
    shift = np.where(history.lengths > length, rng.integers(0, length, len(history)), 0)
    end, begin = history.offsets[1:] - 0, history.offsets[:-1]
    step, starts, stops = length - shift, [], []
    while (alive := end > begin).any():
        start = np.maximum(begin, end - step)
        starts.append(start[alive])
        stops.append(end[alive])
        end, step = start, np.full(len(history), length)
    return np.concatenate([*starts, begin[:0]]), np.concatenate([*stops, begin[:0]])


def training_batches(
    history: History, length: int, tokens: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """All sequences once, in batches of like length and about `tokens` events each."""
    following = next_moments(history)
    starts, stops = windows(history, length, rng)
    useful = following[1][starts] > following[0][starts]  # all but spans of the last moment
    starts, stops = starts[useful], stops[useful]
    order = rng.permutation(len(starts))
    order = order[np.argsort((stops - starts)[order], kind="stable")]
    groups = _groups((stops - starts)[order], tokens)
    for group in rng.permutation(len(groups)):
        first, after = groups[group]
        rows = order[first:after]
        yield _training_batch(history, following, starts[rows], stops[rows], rng)


def _groups(lengths: Int64s, tokens: int) -> list[tuple[int, int]]:
    """Runs of rows, sorted by length, whose padded size is at most `tokens`."""
    groups, first = [], 0
    while first < len(lengths):
        after = first + 1
        room = max(1, tokens // max(1, int(lengths[first])))
        after = min(len(lengths), first + room)
        while after > first + 1 and (after - first) * lengths[after - 1] > tokens:
            after -= max(1, (after - first) // 8)
        groups.append((first, after))
        first = after
    return groups


def _training_batch(
    history: History,
    following: tuple[Int64s, Int64s],
    starts: Int64s,
    stops: Int64s,
    rng: np.random.Generator,
) -> Batch:
    places = spans(starts, stops)
    first, after = following[0][places], following[1][places]
    learnt = after > first
    drawn = np.where(learnt, first + (rng.random(len(places)) * (after - first)), 0)
    target = drawn.astype(np.int64)
    return _batch(
        _filled(stops - starts),
        history.items[places],
        history.kinds[places],
        gap_buckets(np.where(learnt, history.times[target] - history.times[places], 0)),
        np.where(learnt, history.items[target], -1),
    )


def shared(batch: Batch) -> tuple[Batch, float]:
    """This process's rows of a training batch, and the factor of their loss."""
    rows, factor = processes.share((batch.target >= 0).sum(1))
    return batch.take(rows), factor


def query_batch(queries: Queries, length: int) -> Batch:
    """The newest `length` events of each query; there must be at least one."""
    last = queries.history.last(length)
    gaps = gap_buckets(_following(last, queries.times) - last.times)
    none = np.full(len(last.items), -1, np.int32)
    return _batch(_filled(last.lengths), last.items, last.kinds, gaps, none)


def _following(history: History, now: Int64s) -> Int64s:
    """For each event, the time of the visitor's next moment, or of the question."""
    start, stop = next_moments(history)
    later = history.times[np.minimum(start, len(history.times) - 1)]
    return np.where(stop > start, later, now[history.rows])


def _filled(lengths: Int64s) -> Tensor:
    """[batch, length] True where an event stands."""
    return torch.from_numpy(np.arange(lengths.max(initial=1)) < lengths[:, None])


def _batch(filled: Tensor, *columns: np.ndarray) -> Batch:
    items, kinds, gaps, target = (
        torch.full(filled.shape, fill, dtype=torch.int64).masked_scatter_(
            filled, torch.from_numpy(np.asarray(column, np.int64))
        )
        for fill, column in zip((0, 0, 0, -1), columns, strict=True)
    )
    return Batch(items, kinds, gaps, target, filled.sum(1) - 1)
