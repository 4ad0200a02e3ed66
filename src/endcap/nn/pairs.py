"""What visitors took, each beside what they had done before: lessons for models without order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from endcap.nn.loop import Steps
from endcap.tables.dataset import Dataset
from endcap.types import Floats, History, Int64s, spans


@dataclass(frozen=True)
class Pairs:
    """events: [batch] their places in the dataset; items: [batch] what was taken.
    weight: [batch] how much each counts.
    past: [batch] rows of what each visitor had done before that moment, never none.
    """

    events: Int64s
    items: Tensor
    weight: Tensor
    past: History


def pair_batches(
    dataset: Dataset, weight: Floats, history: int, size: int | None, rng: np.random.Generator
) -> Iterator[tuple[float, Pairs]]:
    """Each event that has a past and a weight, in batches by chance, and with each batch the
    share of all that is done.

    weight: [events] how much each counts.
    history: newest events that a past holds.
    size: events in a batch; where it is not given, as many as make about 128 batches.
    """
    start, stop = pasts(dataset, history)
    order = rng.permutation(np.flatnonzero((stop > start) & (weight > 0)))
    size = size or min(max(len(dataset) // 128, 256), 8_192)
    for first in range(0, len(order), size):
        events = order[first : first + size]
        yield (
            min(1.0, (first + size) / len(order)),
            Pairs(
                events,
                torch.from_numpy(dataset.item[events].astype(np.int64)),
                torch.from_numpy(weight[events]),
                dataset.history.select(
                    spans(start[events], stop[events]), stop[events] - start[events]
                ),
            ),
        )


def pair_steps(
    loss: Callable[[Pairs], Tensor],
    dataset: Dataset,
    weight: Floats,
    history: int,
    size: int | None,
    seed: int,
    epoch: int,
) -> Steps:
    """The steps of an epoch, each with the loss of its batch of `pair_batches`."""
    rng = np.random.default_rng([seed, epoch])
    for done, pairs in pair_batches(dataset, weight, history, size, rng):
        yield done, partial(loss, pairs)


def pasts(dataset: Dataset, history: int) -> tuple[Int64s, Int64s]:
    """For each event, where the newest `history` events before its moment begin and end."""
    new = np.ones(len(dataset), np.bool_)
    new[1:] = (np.diff(dataset.user) != 0) | (np.diff(dataset.time) != 0)
    stop = np.maximum.accumulate(np.where(new, np.arange(len(dataset)), 0))
    start = np.maximum(dataset.offsets[dataset.user], stop - history)
    return start, stop
