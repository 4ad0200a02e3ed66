"""A loss by its name, with the items it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from endcap.nn.losses import (
    bce,
    bpr,
    full_softmax,
    gbce_power,
    label_smoothing,
    sampled_softmax,
)
from endcap.tables.dataset import Dataset
from endcap.types import Bools, Int64s

Name: TypeAlias = Literal["auto", "full_softmax", "sampled_softmax", "gbce", "bce", "bpr"]

LEAST = 1e-30
"""Draws expected of what is never drawn."""

SOFTMAX: tuple[Name, ...] = ("auto", "full_softmax", "sampled_softmax")
"""Losses whose labels can be smoothed."""


class Negatives:
    """Items drawn as wrong answers, with replacement.

    count: [items] events of each. popular: share of the draws that go by the number of events;
    in all others each item is as likely as the next, those without events too: what is never
    a wrong answer may rise to the top of every list. held: [items] which are drawn at all, None
    for all.
    """

    def __init__(self, count: Int64s, size: int, popular: float, held: Bools | None = None) -> None:
        even = np.ones(len(count)) if held is None else held
        drawn = (popular, count), (1 - popular, even)
        share = sum(part * each / max(each.sum(), 1) for part, each in drawn)
        self.size, self.below = size, torch.from_numpy(share.cumsum())
        self.log_q = torch.from_numpy(np.log(np.maximum(size * share, LEAST))).float()

    @classmethod
    def of(cls, dataset: Dataset, size: int, popular: float) -> Self:
        """By how often the events of a dataset name each item."""
        return cls(np.bincount(dataset.item, minlength=len(dataset.catalogue)), size, popular)

    def draw(self) -> Tensor:
        """[size] codes."""
        at = torch.rand(self.size, dtype=torch.float64) * self.below[-1]
        return torch.searchsorted(self.below, at, right=True)


@dataclass(frozen=True)
class Objective:
    """What a step is to make small; see `endcap.nn.losses`.

    negatives: draws the items that the right ones are held against; None for all that are `held`.
    held: codes in their order, None for all items.
    product: the numbers in which the full softmax multiplies. power: of gBCE.
    smoothing: share of the target's part that all items get.
    """

    name: Name
    negatives: Negatives | None
    product: torch.dtype
    power: float
    smoothing: float
    held: Tensor | None = None

    def among(self, codes: Tensor) -> Among:
        """The items of a step that needs the vectors of `codes`."""
        if self.negatives is None:
            if self.held is None:
                return Among(None, codes)
            held = self.held.to(codes.device)
            return Among(held, torch.searchsorted(held, codes))
        drawn = self.negatives.draw()
        items, rows = torch.unique(torch.cat([codes.cpu(), drawn]), return_inverse=True)
        rows = rows.to(codes.device)
        log_q = self.negatives.log_q[items].to(codes.device)
        return Among(items.to(codes.device), rows[: len(codes)], rows[len(codes) :], log_q)

    def loss(
        self, hidden: Tensor, vectors: Tensor, target: Tensor, among: Among, weight: Tensor | None
    ) -> Tensor:
        """The mean over positions. vectors: [n, dim] of the step's items; target: [positions] rows
        of them."""
        if among.drawn is None or among.log_q is None:
            loss = full_softmax(hidden, vectors, target, weight, product=self.product)
            mean = vectors.mean(0)
        else:
            loss = self._drawn(among.log_q)(hidden, vectors, target, among.drawn, weight=weight)
            share = torch.exp(-among.log_q[among.drawn])
            mean = share / share.sum() @ functional.embedding(among.drawn, vectors)
        if not self.smoothing:
            return loss
        return loss + self.smoothing * label_smoothing(hidden, vectors, target, mean, weight)

    def _drawn(self, log_q: Tensor) -> Callable[..., Tensor]:
        losses: dict[str, Callable[..., Tensor]] = {
            "sampled_softmax": partial(sampled_softmax, log_q=log_q),
            "gbce": partial(bce, power=self.power),
            "bce": bce,
            "bpr": bpr,
        }
        return losses[self.name]


@dataclass(frozen=True)
class Among:
    """The items of a step: those that it reads, those that are right, and those drawn.

    items: [n] their codes; None for all items in their order.
    rows: for each code asked for, its row among them.
    drawn: [drawn] rows; log_q: [n] log expected number of draws of each; None without draws.
    """

    items: Tensor | None
    rows: Tensor
    drawn: Tensor | None = None
    log_q: Tensor | None = None


def objective(
    name: Name,
    count: Int64s,
    *,
    full: float,
    negatives: int,
    calibration: float,
    smoothing: float,
    product: torch.dtype = torch.float32,
    held: Bools | None = None,
) -> Objective:
    """The loss to train by.

    count: [items] events of each; full: up to how many pairs of an event and an item auto is the
    full softmax, beyond that the sampled one; negatives: how many items are drawn for a batch,
    where the loss draws;
    calibration: of gBCE; smoothing: of the labels, where the loss is a softmax;
    product: the numbers in which the full softmax multiplies;
    held: [items] against which the right one is held, all with events among them; None for all.
    """
    if name == "auto":
        name = "full_softmax" if count.sum() * len(count) <= full else "sampled_softmax"
    drawn = None
    if name != "full_softmax":
        drawn = Negatives(count, negatives, 0.5 if name == "sampled_softmax" else 0.0, held)
    power = gbce_power(negatives, len(count), calibration)
    smoothed = smoothing if name in SOFTMAX else 0.0
    codes = None if held is None else torch.from_numpy(np.flatnonzero(held))
    return Objective(name, drawn, product, power, smoothed, codes)
