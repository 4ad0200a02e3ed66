"""A loss by its name, with the items it is held against."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor

from endcap.nn.losses import (
    bce,
    bpr,
    full_softmax,
    gbce_power,
    label_smoothing,
    sampled_softmax,
)
from endcap.tables.dataset import Dataset
from endcap.types import Int64s

Name: TypeAlias = Literal["auto", "full_softmax", "sampled_softmax", "gbce", "bce", "bpr"]

SOFTMAX: tuple[Name, ...] = ("auto", "full_softmax", "sampled_softmax")
"""Losses whose labels can be smoothed."""

Objective: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""(hidden, items, target, weight) → the mean loss; see `endcap.nn.losses`."""


class Negatives:
    """Items drawn as wrong answers, with replacement.

    count: [items] events of each. popular: share of the draws that go by the number of events;
    in all others each item is as likely as the next, those without events too: what is never
    a wrong answer may rise to the top of every list.
    """

    def __init__(self, count: Int64s, size: int, popular: float) -> None:
        share = popular * count / count.sum() + (1 - popular) / len(count)
        self.size, self.below = size, torch.from_numpy(share.cumsum())
        self.log_q = torch.from_numpy(np.log(size * share)).float()

    @classmethod
    def of(cls, dataset: Dataset, size: int, popular: float) -> Self:
        """By how often the events of a dataset name each item."""
        return cls(np.bincount(dataset.item, minlength=len(dataset.catalogue)), size, popular)

    def draw(self) -> Tensor:
        """[size] codes."""
        at = torch.rand(self.size, dtype=torch.float64) * self.below[-1]
        return torch.searchsorted(self.below, at, right=True)


def objective(
    name: Name,
    count: Int64s,
    *,
    full: float,
    negatives: int,
    calibration: float,
    smoothing: float,
    product: torch.dtype = torch.float32,
) -> Objective:
    """The loss to train by.

    count: [items] events of each; full: up to how many pairs of an event and an item auto is the
    full softmax, beyond that the sampled one; negatives: how many items are drawn for a batch,
    where the loss draws;
    calibration: of gBCE; smoothing: of the labels, where the loss is a softmax;
    product: the numbers in which the full softmax multiplies.
    """
    if name == "auto":
        name = "full_softmax" if count.sum() * len(count) <= full else "sampled_softmax"
    if name == "full_softmax":
        loss: Objective = partial(full_softmax, product=product)
    else:
        loss = _drawn(name, count, negatives, calibration)
    if smoothing == 0 or name not in SOFTMAX:
        return loss

    def smoothed(hidden: Tensor, items: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        more = label_smoothing(hidden, items, target, weight)
        return loss(hidden, items, target, weight) + smoothing * more

    return smoothed


def _drawn(name: Name, count: Int64s, size: int, calibration: float) -> Objective:
    negatives = Negatives(count, size, popular=0.5 if name == "sampled_softmax" else 0.0)
    power = gbce_power(size, len(count), calibration)
    losses: dict[str, Callable[..., Tensor]] = {
        "sampled_softmax": partial(sampled_softmax, log_q=negatives.log_q),
        "gbce": partial(bce, power=power),
        "bce": bce,
        "bpr": bpr,
    }

    def against(hidden: Tensor, items: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        drawn = negatives.draw().to(items.device)
        return losses[name](hidden, items, target, negatives=drawn, weight=weight)

    return against
