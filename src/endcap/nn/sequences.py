"""Sequences of events as tensors: in batches of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor

from endcap.nn import processes
from endcap.nn.aims import Aims, next_moments
from endcap.types import MINUTE, Bools, Floats, History, Int64s, Queries, offsets_of, spans

GAPS = 16
"""Buckets of the time from one event to the next: 0 is none, then each doubles the last."""

APART = 300
"""Places filled with padding that take as long as to read two batches instead of one."""


@dataclass(frozen=True)
class Batch:
    """Events on the left, padding on the right, where no earlier event can see it.

    items, kinds, gaps: [batch, length]; gaps are the buckets of the time to the visitor's next
    moment, or to that of the query; None where nobody reads them.
    times: [batch, length] minutes since 1970.
    last: [batch] the place of each row's newest event.
    """

    items: Tensor
    kinds: Tensor
    gaps: Tensor | None
    times: Tensor
    last: Tensor

    def take(self, rows: slice) -> Self:
        return self._each(lambda column: column[rows])

    def to(self, device: torch.device) -> Self:
        return self._each(lambda column: column.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        return replace(
            self, **{name: change(own) for name, own in vars(self).items() if own is not None}
        )


@dataclass(frozen=True)
class TrainingBatch(Batch):
    """Events, and what came after each.

    target: [batch, length] an item of the next moment, −1 where there is none.
    weight: [batch, length] how much each target counts; None where all count the same.
    """

    target: Tensor
    weight: Tensor | None


def gap_buckets(micros: Int64s) -> Int64s:
    """
    >>> gap_buckets(np.array([0, 60_000_000, 86_400_000_000]))
    array([ 0,  1, 10])
    """
    minutes = np.maximum(micros, 0) / MINUTE
    return np.minimum(np.log2(1 + minutes), GAPS - 1).astype(np.int64)


def windows(history: History, length: int, rng: np.random.Generator) -> tuple[Int64s, Int64s]:
    """Cut each row into spans of at most `length` events, from its end.

    The first cut of a long row is shifted by chance, so that over the epochs an event is
    learnt from in contexts of all lengths. Returns the spans' starts and stops.
    """
    shift = np.where(history.lengths > length, rng.integers(0, length, len(history)), 0)
    end, begin = history.offsets[1:], history.offsets[:-1]
    step, starts, stops = length - shift, [], []
    while (alive := end > begin).any():
        start = np.maximum(begin, end - step)
        starts.append(start[alive])
        stops.append(end[alive])
        end, step = start, np.full(len(history), length)
    return np.concatenate([*starts, begin[:0]]), np.concatenate([*stops, begin[:0]])


def training_batches(
    history: History,
    length: int,
    tokens: int,
    rng: np.random.Generator,
    weight: Floats | None = None,
    ahead: float = 0.0,
) -> Iterator[TrainingBatch]:
    """All sequences that say something once, in batches of like length.

    tokens: about how many events each batch holds, see `tokens_of`.
    weight: [events] how much each counts as a target, 0 for not at all; None for all the same.
    ahead: see `Aims.draw`.
    """
    aims = Aims.of(history, weight)
    starts, stops = windows(history, length, rng)
    taught = offsets_of((aims.stop > aims.start).astype(np.int64))
    useful = taught[stops] > taught[starts]
    starts, stops = starts[useful], stops[useful]
    order = rng.permutation(len(starts))
    order = order[np.argsort((stops - starts)[order], kind="stable")]
    groups = _groups((stops - starts)[order], tokens)
    draw = partial(aims.draw, rng=rng, ahead=ahead)
    for group in rng.permutation(len(groups)):
        first, after = groups[group]
        rows = order[first:after]
        yield _training_batch(history, draw, aims.weight, starts[rows], stops[rows])


def tokens_of(events: int, items: int) -> int:
    """Events in a batch that make about 400 steps an epoch: enough to learn from each epoch, and
    on a large log no more than the step itself, the table of items above all, is worth.

    A step touches all of that table, whatever the batch: at a million items as long as some
    15,000 events take.

    >>> tokens_of(10_000, 1_000), tokens_of(10_000_000, 10_000), tokens_of(10_000_000, 1_000_000)
    (384, 4096, 15625)
    """
    return min(max(events // 400, 384), max(4_096, items // 64))


def _groups(lengths: Int64s, tokens: int) -> list[tuple[int, int]]:
    """Runs of rows, sorted by length, whose padded size is at most `tokens`."""
    groups, first = [], 0
    while first < len(lengths):
        room = max(1, tokens // max(1, int(lengths[first])))
        after = min(len(lengths), first + room)
        while after > first + 1 and (after - first) * lengths[after - 1] > tokens:
            after -= max(1, (after - first) // 8)
        groups.append((first, after))
        first = after
    return groups


def _training_batch(
    history: History,
    draw: Callable[[Int64s], tuple[Int64s, Bools]],
    weight: Floats | None,
    starts: Int64s,
    stops: Int64s,
) -> TrainingBatch:
    places = spans(starts, stops)
    target, learnt = draw(places)
    filled = _filled(stops - starts)
    gaps = gap_buckets(np.where(learnt, history.times[target] - history.times[places], 0))
    return TrainingBatch(
        **vars(_batch(filled, history.select(places, stops - starts), gaps)),
        target=_spread(filled, np.where(learnt, history.items[target], -1).astype(np.int64), -1),
        weight=None if weight is None else _spread(filled, weight[target] * learnt),
    )


def shared(batch: TrainingBatch) -> tuple[TrainingBatch, float]:
    """This process's rows of a training batch, and the factor of their loss."""
    lessons = batch.target >= 0 if batch.weight is None else batch.weight
    rows, factor = processes.share(lessons.sum(1))
    return batch.take(rows), factor


def query_batch(queries: Queries, length: int, *, gaps: bool) -> Batch:
    """The newest `length` events of each query; there must be at least one.

    gaps: whether they are read.
    """
    last = queries.history.last(length)
    apart = gap_buckets(_following(last, queries.times) - last.times) if gaps else None
    return _batch(_filled(last.lengths), last, apart)


def alike(lengths: Int64s) -> Iterator[Int64s]:
    """Rows that are read together: of like length, so that little is padding.

    >>> [rows.tolist() for rows in alike(np.array([3, 490, 2, 480]))]
    [[2, 0], [3, 1]]
    """
    order = np.argsort(lengths, kind="stable")
    first, sizes = 0, lengths[order].tolist()
    total = 0
    for place, size in enumerate(sizes):
        if size * (place - first) - total > APART:
            yield order[first:place]
            first, total = place, 0
        total += size
    yield order[first:]


def _following(history: History, now: Int64s) -> Int64s:
    """For each event, the time of the visitor's next moment, or of the question."""
    start, stop = next_moments(history)
    later = history.times[np.minimum(start, len(history.times) - 1)]
    return np.where(stop > start, later, now[history.rows])


def _filled(lengths: Int64s) -> Tensor:
    """[batch, length] True where an event stands."""
    return torch.from_numpy(np.arange(lengths.max(initial=1)) < lengths[:, None])


def _batch(filled: Tensor, events: History, gaps: Int64s | None) -> Batch:
    return Batch(
        items=_spread(filled, events.items.astype(np.int64)),
        kinds=_spread(filled, events.kinds.astype(np.int64)),
        gaps=None if gaps is None else _spread(filled, gaps),
        times=_spread(filled, events.times // MINUTE),
        last=torch.from_numpy(events.lengths - 1),
    )


def _spread(filled: Tensor, values: np.ndarray, padding: int = 0) -> Tensor:
    """[batch, length] the values where an event stands."""
    column = torch.from_numpy(values)
    return torch.full(filled.shape, padding, dtype=column.dtype).masked_scatter_(filled, column)
