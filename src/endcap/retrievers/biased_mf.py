"""Factors that predict ratings.

For shops whose visitors give ratings, where a list shall hold what would be rated best. It
knows only how well things are liked by those who rate them, not whether a visitor would take
them: without ratings, and for lists of what is taken next, other models see more.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.fitting import FromPairs, Loss, MeanOfPast, Training
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs
from endcap.nn.scoring import Scores
from endcap.tables.dataset import Dataset
from endcap.tables.schema import kind
from endcap.types import Bools, Floats, Queries


class Settings(Training):
    """The factors, and what stands in for ratings where there are none."""

    factors: int = Field(128, gt=0, description="numbers that describe each item")
    shrink: float = Field(
        10.0, ge=0, description="ratings of the mean that are added to each visitor's own"
    )
    negatives: int = Field(256, gt=0, description="without ratings: items drawn as rated 0")
    zeros: float = Field(30.0, gt=0, description="without ratings: what the mean of those counts")


class Factors(MeanOfPast):
    """Ratings less the visitor's own leniency: mean + bias of the item + past · item."""

    mean: Tensor

    def __init__(self, settings: Settings, items: int, kinds: Floats) -> None:
        super().__init__(settings, items, settings.factors, kinds)
        self.item = nn.Embedding(items, settings.factors)
        self.bias = nn.Embedding(items, 1)
        self.register_buffer("mean", torch.tensor(0.0))
        nn.init.normal_(self.past.weight, std=settings.factors**-0.5)
        for table in (self.item, self.bias):
            nn.init.zeros_(table.weight)  # so what nobody rated is as good as the mean

    def forward(self, visitors: Tensor, items: Tensor) -> Tensor:
        """[rows, n] of items that all rows share, [n]."""
        ratings: Tensor = visitors @ self.item(items).t() + self.bias(items)[:, 0] + self.mean
        return ratings

    def own(self, visitors: Tensor, items: Tensor) -> Tensor:
        """[rows] of each row's own item, [rows]."""
        liking = (visitors * self.item(items)).sum(1)
        ratings: Tensor = liking + self.bias(items)[:, 0] + self.mean
        return ratings

    def scorer(self) -> Scores:
        return self._scores

    @torch.no_grad()
    def _scores(self, queries: Queries) -> Floats:
        """[queries, items]"""
        visitors = self.visitors(queries.history.last(self.settings.history))
        scores: Floats = self(visitors, torch.arange(self.item.num_embeddings)).numpy()
        return scores

    def off(self, ratings: Tensor, pairs: Pairs) -> Tensor:
        """How far ratings are from what they were. ratings: [events]"""
        foretold = self.own(self.visitors(pairs.past), pairs.items)
        return functional.mse_loss(foretold, ratings[pairs.events])

    def off_zeros(self, zeros: Negatives, counts: float, pairs: Pairs) -> Tensor:
        """The same of weights instead of ratings, and of items drawn as rated 0, the mean of which
        counts as much as so many events."""
        visitors = self.visitors(pairs.past)
        taken = functional.mse_loss(self.own(visitors, pairs.items), pairs.weight)
        drawn: Tensor = self(visitors, zeros.draw())
        return taken + counts * drawn.square().mean()


class BiasedMF(FromPairs[Settings, Factors]):
    """Matrix factorisation with biases under the squared error (Koren, Bell & Volinsky, IEEE
    Computer 2009), the visitor's factors taken from what they did as in Koren (KDD 2008).

    It learns from the values of `rate` events. Where the log has none, an event's weight
    stands for a rating, against items by chance as rated 0.
    """

    name = "biased MF"
    settings_type = Settings
    search = config.space(
        factors=config.Choice(64, 128, 256),
        zeros=config.Between(1.0, 100.0, log=True),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    @classmethod
    def network(cls, settings: Settings, items: int, kinds: Floats) -> Factors:
        return Factors(settings, items, kinds)

    @classmethod
    def lessons(cls, network: Factors, settings: Settings, dataset: Dataset) -> tuple[Loss, Floats]:
        rated = _rated(dataset)
        if not rated.any():
            zeros = Negatives.of(dataset, settings.negatives, 0.0)
            return partial(network.off_zeros, zeros, settings.zeros), dataset.weight
        mean = float(dataset.value[rated].mean())
        network.mean.fill_(mean)
        ratings = _own_ratings(dataset, rated, mean, settings.shrink)
        return partial(network.off, ratings), rated.astype(np.float32)


def _rated(dataset: Dataset) -> Bools:
    """[events]"""
    rated: Bools = (dataset.kind == kind("rate")) & np.isfinite(dataset.value)
    return rated


def _own_ratings(dataset: Dataset, rated: Bools, mean: float, shrink: float) -> Tensor:
    """[events] each rating less how much higher its visitor rates than the mean."""
    above = np.where(rated, dataset.value - mean, 0)
    columns = (above, rated.astype(np.float64))
    total, ratings = (np.bincount(dataset.user, x, len(dataset.users)) for x in columns)
    lenience = total / np.maximum(ratings + shrink, 1)
    return torch.from_numpy((dataset.value - lenience[dataset.user]).astype(np.float32))
