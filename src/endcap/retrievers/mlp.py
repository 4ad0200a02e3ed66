"""A feed-forward network that says whether a visitor takes an item.

It may find what no product of two vectors can say, but pays for it: each pair of visitor and
item runs through the network, so an answer takes long in a large catalogue. On most data a
product of vectors learns the same faster; try it in catalogues of up to some ten thousand items.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Self

import numpy as np
import torch
from pydantic import Field, PositiveInt
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
from endcap.types import Floats, History, Queries, Ranking

CELLS = 1 << 22
"""Numbers of the first layer that are held at once: it bounds the memory."""


class Settings(Training):
    """The network, and what it is held against."""

    batch: int = Field(256, gt=0, description="events in a batch: it needs many steps")
    dim: int = Field(64, gt=0, description="width of the vectors of visitors and items")
    layers: tuple[PositiveInt, ...] = Field(
        (64, 32), min_length=1, description="widths of the dense layers"
    )
    negatives: int = Field(16, gt=0, description="items drawn for a batch as not taken")
    popular: float = Field(
        0.5, ge=0, le=1, description="share of them that is drawn by number of events, not evenly"
    )
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class Dense(nn.Module):
    """Vectors of visitor and item, one after the other, through dense layers to one number.

    The first layer is the sum of a part for the visitor and a part for the item: each is
    computed once, not for each pair.
    """

    kinds: Tensor

    def __init__(self, settings: Settings, items: int, kinds: Floats) -> None:
        super().__init__()
        self.settings = settings
        first, *more = settings.layers
        self.past = nn.Embedding(items, settings.dim)
        self.item = nn.Embedding(items, settings.dim)
        self.visitor_part = nn.Linear(settings.dim, first)
        self.item_part = nn.Linear(settings.dim, first, bias=False)
        sides = zip(settings.layers, more, strict=False)
        self.dense = nn.ModuleList(nn.Linear(*both) for both in sides)
        self.last = nn.Linear(settings.layers[-1], 1)
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))
        for table in (self.past, self.item):
            nn.init.normal_(table.weight, std=settings.dim**-0.5)
        # As rare as a yes is: else the first epochs go by with learning that.
        nn.init.constant_(self.last.bias, -math.log(settings.negatives))

    def visitors(self, past: History) -> Tensor:
        """[rows, first layer]"""
        share = shares(past, self.settings.recency, self.kinds)
        part: Tensor = self.visitor_part(pooled(self.past.weight, past, past.items, share))
        return part

    def items(self, codes: Tensor) -> Tensor:
        """[n, first layer]"""
        part: Tensor = self.item_part(self.item(codes))
        return part

    def forward(self, visitors: Tensor, items: Tensor) -> Tensor:
        """[…] log-odds, from the two parts of the first layer, [… or 1, first layer] each."""
        x = functional.relu(visitors + items)
        for layer in self.dense:
            x = functional.relu(layer(x))
        odds: Tensor = self.last(x)[..., 0]
        return odds


class MLP(Retriever[Settings]):
    """Vectors of visitor and item, dense layers, a sigmoid, and cross-entropy against items drawn
    as not taken: the MLP of neural collaborative filtering (He et al., WWW 2017).

    A visitor's vector is the mean over the items of their past, so a newcomer is answered like
    everyone.
    state: the weights of `Dense`, by their names.
    """

    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        negatives=config.Choice(8, 16, 32, 64),
        popular=config.Between(0.0, 1.0),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        network = Dense(settings, len(state["item.weight"]), state["kinds"])
        self.scores = _scorer(restored(network, state))

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        network = Dense(settings, len(dataset.catalogue), dataset.kind_weights)
        negatives = Negatives.of(dataset, settings.negatives, settings.popular)
        lessons = partial(_loss, network, negatives), dataset, dataset.weight
        steps = partial(pair_steps, *lessons, settings.history, settings.batch, run.seed)
        return cls(*fitted(network, settings, steps, _scorer, judge, run, "MLP"))

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(self.scores, queries, n)


@torch.no_grad()
def _scorer(network: Dense) -> Scores:
    items = network.items(torch.arange(network.item.num_embeddings))
    return partial(_scores, network, items)


@torch.no_grad()
def _scores(network: Dense, items: Tensor, queries: Queries) -> Floats:
    """[queries, items] log-odds: the sigmoid would not change their order."""
    visitors = network.visitors(queries.history.last(network.settings.history))[:, None]
    at_once = max(1, CELLS // max(1, visitors.numel()))
    blocks = [network(visitors, block) for block in items.split(at_once)]  # type: ignore[no-untyped-call]
    scores: Floats = torch.cat(blocks, dim=1).numpy()
    return scores


def _loss(network: Dense, negatives: Negatives, pairs: Pairs) -> Tensor:
    visitors, drawn = network.visitors(pairs.past), negatives.draw()
    yes = functional.softplus(-network(visitors, network.items(pairs.items)))
    no = functional.softplus(network(visitors[:, None], network.items(drawn))).sum(1)
    loss: Tensor = (pairs.weight * (yes + no)).sum() / pairs.weight.sum()
    return loss
