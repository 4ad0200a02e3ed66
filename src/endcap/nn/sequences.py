"""Sequences of events as tensors: in batches of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from endcap.types import History, Int64s, Queries, offsets_of, spans

GAPS = 16
"""Buckets of the time from one event to the next: 0 is none, then each doubles the last."""

MINUTE = 60_000_000


@dataclass(frozen=True)
class Batch:
    """Events on the left, padding on the right, where no earlier event can see it.

    items, kinds, gaps: [batch, length]; gaps are the buckets of the time to the next event,
    or to the moment of the query.
    target: [batch, length] the next item, −1 where there is none to learn from.
    last: [batch] the place of each row's newest event.
    """

    items: Tensor
    kinds: Tensor
    gaps: Tensor
    target: Tensor
    last: Tensor


def gap_buckets(micros: Int64s) -> Int64s:
    """
    >>> gap_buckets(np.array([0, 60_000_000, 86_400_000_000]))
    array([ 0,  1, 10])
    """
    minutes = np.maximum(micros, 0) / MINUTE
    return np.minimum(np.log2(1 + minutes), GAPS - 1).astype(np.int64)


def windows(history: History, length: int, rng: np.random.Generator) -> tuple[Int64s, Int64s]:
    """Cut each row into spans of at most length + 1 events that overlap by one, from its end.

    The newest span is whole but for a chance shift of the cut, so that over the epochs an
    event is learnt from in contexts of all lengths. Returns the spans' starts and stops.
    """
    starts, stops = [], []
    shift = rng.integers(0, length, len(history))
    long = history.lengths > length + 1
    end = history.offsets[1:].copy()
    begin = history.offsets[:-1]
    step = np.where(long, length - shift // 2, length)
    alive = history.lengths > 1
    while alive.any():
        start = np.maximum(begin, end - step - 1)
        starts.append(start[alive])
        stops.append(end[alive])
        end, step = start + 1, np.full(len(history), length)
        alive &= end - begin > 1
    return (
        np.concatenate(starts) if starts else np.zeros(0, np.int64),
        np.concatenate(stops) if stops else np.zeros(0, np.int64),
    )


def training_batches(
    history: History, length: int, tokens: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """All sequences once, in batches of like length and about `tokens` events each."""
    starts, stops = windows(history, length, rng)
    order = rng.permutation(len(starts))
    order = order[np.argsort((stops - starts)[order], kind="stable")]
    groups = _groups((stops - starts)[order], tokens)
    for group in rng.permutation(len(groups)):
        first, after = groups[group]
        rows = order[first:after]
        yield _training_batch(history, starts[rows], stops[rows])


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


def _training_batch(history: History, starts: Int64s, stops: Int64s) -> Batch:
    places = spans(starts, stops - 1)
    filled = _filled(stops - 1 - starts)
    gaps = gap_buckets(history.times[places + 1] - history.times[places])
    return _batch(
        filled,
        history.items[places],
        history.kinds[places],
        gaps,
        history.items[places + 1],
    )


def query_batch(queries: Queries, length: int) -> Batch:
    """The newest `length` events of each query; there must be at least one."""
    last = queries.history.last(length)
    following = np.r_[last.times[1:], 0].astype(np.int64)
    ends = last.offsets[1:] - 1
    following[ends] = queries.times
    gaps = gap_buckets(following - last.times)
    none = np.full(len(last.items), -1, np.int32)
    return _batch(_filled(last.lengths), last.items, last.kinds, gaps, none)


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


__all__ = ["Batch", "gap_buckets", "offsets_of", "query_batch", "training_batches", "windows"]
