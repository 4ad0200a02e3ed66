"""Factors that predict ratings.

For shops whose visitors give ratings, where a list shall hold what would be rated best. It
knows only how well things are liked by those who rate them, not whether a visitor would take
them: without ratings, and for lists of what is taken next, other models see more.
"""

from __future__ import annotations

from functools import partial
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.fitting import Training, fitted, restored
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs, pair_steps
from endcap.nn.pooling import pooled, shares
from endcap.nn.scoring import Scores, best
from endcap.stages import Retriever, Run, State
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.schema import kind
from endcap.types import Bools, Floats, History, Queries, Ranking


class Settings(Training):
    """The factors, and what stands in for ratings where there are none."""

    factors: int = Field(128, gt=0, description="numbers that describe each item")
    shrink: float = Field(
        10.0, ge=0, description="ratings of the mean that are added to each visitor's own"
    )
    negatives: int = Field(256, gt=0, description="without ratings: items drawn as rated 0")
    zeros: float = Field(30.0, gt=0, description="without ratings: what the mean of those counts")
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class Factors(nn.Module):
    """Ratings less the visitor's own leniency: mean + bias of the item + past · item."""

    kinds: Tensor
    mean: Tensor

    def __init__(self, settings: Settings, items: int, kinds: Floats, mean: float) -> None:
        super().__init__()
        self.settings = settings
        self.past = nn.Embedding(items, settings.factors)
        self.item = nn.Embedding(items, settings.factors)
        self.bias = nn.Embedding(items, 1)
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))
        self.register_buffer("mean", torch.tensor(mean))
        nn.init.normal_(self.past.weight, std=settings.factors**-0.5)
        for table in (self.item, self.bias):
            nn.init.zeros_(table.weight)  # so what nobody rated is as good as the mean

    def visitors(self, past: History) -> Tensor:
        """[rows, factors]"""
        share = shares(past, self.settings.recency, self.kinds)
        return pooled(self.past.weight, past, past.items, share)

    def forward(self, visitors: Tensor, items: Tensor) -> Tensor:
        """[rows, n] of items that all rows share, [n]."""
        ratings: Tensor = visitors @ self.item(items).t() + self.bias(items)[:, 0] + self.mean
        return ratings

    def own(self, visitors: Tensor, items: Tensor) -> Tensor:
        """[rows] of each row's own item, [rows]."""
        liking = (visitors * self.item(items)).sum(1)
        ratings: Tensor = liking + self.bias(items)[:, 0] + self.mean
        return ratings


class BiasedMF(Retriever[Settings]):
    """Matrix factorisation with biases under the squared error (Koren, Bell & Volinsky, IEEE
    Computer 2009), the visitor's factors taken from what they did as in Koren (KDD 2008).

    It learns from the values of `rate` events. Where the log has none, an event's weight
    stands for a rating, against items by chance as rated 0.
    state: the weights of `Factors`, by their names.
    """

    settings_type = Settings
    search = config.space(
        factors=config.Choice(64, 128, 256),
        zeros=config.Between(1.0, 100.0, log=True),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        network = Factors(settings, len(state["item.weight"]), state["kinds"], 0.0)
        self.scores = _scorer(restored(network, state))

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        rated = _rated(dataset)
        mean = float(dataset.value[rated].mean()) if rated.any() else 0.0
        network = Factors(settings, len(dataset.catalogue), dataset.kind_weights, mean)
        if rated.any():
            loss = partial(_off, network, _own_ratings(network, dataset))
            weight = rated.astype(np.float32)
        else:
            loss = partial(_off_zeros, network, Negatives.of(dataset, settings.negatives, 0.0))
            weight = dataset.weight
        lessons = loss, dataset, weight
        steps = partial(pair_steps, *lessons, settings.history, settings.batch, run.seed)
        return cls(*fitted(network, settings, steps, _scorer, judge, run, "biased MF"))

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(self.scores, queries, n)


def _scorer(network: Factors) -> Scores:
    return partial(_scores, network)


@torch.no_grad()
def _scores(network: Factors, queries: Queries) -> Floats:
    """[queries, items]"""
    visitors = network.visitors(queries.history.last(network.settings.history))
    scores: Floats = network(visitors, torch.arange(network.item.num_embeddings)).numpy()
    return scores


def _rated(dataset: Dataset) -> Bools:
    """[events]"""
    rated: Bools = (dataset.kind == kind("rate")) & np.isfinite(dataset.value)
    return rated


def _own_ratings(network: Factors, dataset: Dataset) -> Tensor:
    """[events] each rating less how much higher its visitor rates than the mean."""
    above = np.where(_rated(dataset), dataset.value - network.mean.item(), 0)
    users, count = len(dataset.users), _rated(dataset).astype(np.float64)
    total, ratings = (np.bincount(dataset.user, x, minlength=users) for x in (above, count))
    lenience = total / np.maximum(ratings + network.settings.shrink, 1)
    return torch.from_numpy((dataset.value - lenience[dataset.user]).astype(np.float32))


def _off(network: Factors, ratings: Tensor, pairs: Pairs) -> Tensor:
    foretold = network.own(network.visitors(pairs.past), pairs.items)
    return functional.mse_loss(foretold, ratings[pairs.events])


def _off_zeros(network: Factors, zeros: Negatives, pairs: Pairs) -> Tensor:
    visitors = network.visitors(pairs.past)
    taken = functional.mse_loss(network.own(visitors, pairs.items), pairs.weight)
    drawn: Tensor = network(visitors, zeros.draw())
    return taken + network.settings.zeros * drawn.square().mean()
