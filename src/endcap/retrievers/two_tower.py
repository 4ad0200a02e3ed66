"""Two networks, one for visitors and one for items, whose vectors meet in a product.

An item is described by its categories, brand and price beside its own vector, so that one
without a single event has a place too: for catalogues that change often.
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
from endcap.nn.losses import sampled_softmax
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs, pair_steps
from endcap.nn.pooling import pooled, shares
from endcap.nn.scoring import Scores, best
from endcap.stages import Retriever, Run, State
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Floats, History, Int64s, Queries, Ranking

BLOCK = 1 << 16
"""Items that run through their tower at once."""


class Settings(Training):
    """The towers, and what they are held against."""

    dim: int = Field(64, gt=0, description="width of the vectors of visitors and items")
    hidden: int = Field(128, gt=0, description="width of the dense layer of each tower")
    temperature: float = Field(
        0.1, gt=0, description="divides the scores, which reach from -1 to 1"
    )
    prices: int = Field(10, gt=0, description="buckets of price, each with as many items")
    own_dropout: float = Field(
        0.1, ge=0, lt=1, description="share of items that are told by their attributes alone"
    )
    negatives: int = Field(1_024, gt=0, description="items drawn for a batch as not taken")
    popular: float = Field(
        0.5, ge=0, le=1, description="share of them that is drawn by number of events, not evenly"
    )
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class Towers(nn.Module):
    """past, item: vectors of an item's own and of its attributes, added up to describe it: one
    table for the items of a past, one for those that may be answered."""

    codes: Tensor
    kinds: Tensor

    def __init__(self, settings: Settings, codes: Int64s, kinds: Floats) -> None:
        super().__init__()
        self.settings = settings
        size, dim = int(codes.max()) + 1, settings.dim
        self.past, self.item = nn.Embedding(size, dim), nn.Embedding(size, dim)
        self.kind = nn.Embedding(len(EVENT_TYPES), dim)
        for table in (self.past, self.item, self.kind):
            nn.init.normal_(table.weight, std=dim**-0.5)
        self.visitor_tower, self.item_tower = _tower(settings), _tower(settings)
        self.register_buffer("codes", torch.from_numpy(np.array(codes)))
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))

    def visitors(self, past: History) -> Tensor:
        """[rows, dim] of length 1 / temperature."""
        share = shares(past, self.settings.recency, self.kinds)
        x = pooled(self.kind.weight, past, past.kinds, share)
        for column in self.codes.t().numpy():
            x = x + pooled(self.past.weight, past, column[past.items], share)
        x = x + self.visitor_tower(x)
        return functional.normalize(x) / self.settings.temperature

    def items(self, items: Tensor) -> Tensor:
        """[n, dim] of length 1."""
        parts = self.item(self.codes[items])
        if self.training:
            kept = torch.rand(len(items), 1) >= self.settings.own_dropout
            parts = torch.cat([parts[:, :1] * kept[:, :, None], parts[:, 1:]], dim=1)
        x = parts.sum(1)
        return functional.normalize(x + self.item_tower(x))

    @torch.no_grad()
    def forget(self, unseen: Int64s) -> None:
        """Leave items without events nothing of their own, which would be chance."""
        for table in (self.past, self.item):
            table.weight[torch.from_numpy(unseen)] = 0


class TwoTower(Retriever[Settings]):
    """A tower for what visitors did (Covington et al., RecSys 2016) and one for items under a
    sampled softmax with logQ correction (Yi et al., RecSys 2019).

    The visitor's tower reads the mean of their events' vectors, of items and of types, so a
    newcomer is answered like everyone.
    state: the weights of `Towers`, by their names; `codes` [items, 5] of each item's own vector
    and those of its category, department, brand and price.
    """

    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        temperature=config.Between(0.03, 0.3, log=True),
        own_dropout=config.Between(0.0, 0.5),
        negatives=config.Choice(256, 1_024, 4_096),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        network = restored(Towers(settings, state["codes"], state["kinds"]), state)
        self.scores = _scorer(network)

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        codes = _codes(dataset.catalogue, settings.prices)
        network = Towers(settings, codes, dataset.kind_weights)
        count = np.bincount(dataset.item, minlength=len(codes))
        network.forget(np.flatnonzero(count == 0))
        negatives = Negatives(count, settings.negatives, settings.popular)
        lessons = partial(_loss, network, negatives), dataset, dataset.weight
        steps = partial(pair_steps, *lessons, settings.history, settings.batch, run.seed)
        return cls(*fitted(network, settings, steps, _scorer, judge, run, "two towers"))

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(self.scores, queries, n)


def _tower(settings: Settings) -> nn.Module:
    return nn.Sequential(
        nn.Linear(settings.dim, settings.hidden),
        nn.ReLU(),
        nn.Linear(settings.hidden, settings.dim),
    )


def _codes(catalogue: Catalogue, buckets: int) -> Int64s:
    """[items, 5] places in one table: of each item's own vector, and those of its attributes."""
    price = catalogue.price
    known = price[np.isfinite(price)]
    edges = np.quantile(known, np.arange(1, buckets) / buckets) if len(known) else known
    bucket = np.where(np.isfinite(price), 1 + np.searchsorted(edges, price, side="right"), 0)
    own = np.arange(len(catalogue))
    columns = (own, catalogue.category, catalogue.department, catalogue.brand, bucket)
    sizes = [int(column.max()) + 1 for column in columns]
    starts = np.cumsum([0, *sizes[:-1]])
    codes: Int64s = np.stack(columns, axis=1).astype(np.int64) + starts
    return codes


@torch.no_grad()
def _scorer(network: Towers) -> Scores:
    every = torch.arange(len(network.codes))
    items = torch.cat([network.items(block) for block in every.split(BLOCK)])  # type: ignore[no-untyped-call]
    return partial(_scores, network, items)


@torch.no_grad()
def _scores(network: Towers, items: Tensor, queries: Queries) -> Floats:
    """[queries, items]"""
    visitors = network.visitors(queries.history.last(network.settings.history))
    scores: Floats = (visitors @ items.t()).numpy()
    return scores


def _loss(network: Towers, negatives: Negatives, pairs: Pairs) -> Tensor:
    """Only the items of the batch run through their tower, each once."""
    both = torch.cat([pairs.items, negatives.draw()])
    codes, places = torch.unique(both, return_inverse=True)
    target, drawn = places[: len(pairs.items)], places[len(pairs.items) :]
    return sampled_softmax(
        network.visitors(pairs.past),
        network.items(codes),
        target,
        drawn,
        negatives.log_q[codes],
        pairs.weight,
    )
