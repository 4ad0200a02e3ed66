"""A feed-forward network that says whether a visitor takes an item.

It may find what no product of two vectors can say, but pays for it: each pair of visitor and
item runs through the network, so an answer takes long in a large catalogue. On most data a
product of vectors learns the same faster; try it in catalogues of up to some ten thousand items.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.fitting import FromPairs, Loss, MeanOfPast, Training
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs
from endcap.nn.scoring import Scores
from endcap.tables.dataset import Dataset
from endcap.types import Floats, History, Queries

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


class Dense(MeanOfPast):
    """Vectors of visitor and item, one after the other, through dense layers to one number.

    The first layer is the sum of a part for the visitor and a part for the item: each is
    computed once, not for each pair.
    """

    def __init__(self, settings: Settings, items: int, kinds: Floats) -> None:
        super().__init__(settings, items, settings.dim, kinds)
        first, *more = settings.layers
        self.item = nn.Embedding(items, settings.dim)
        self.visitor_part = nn.Linear(settings.dim, first)
        self.item_part = nn.Linear(settings.dim, first, bias=False)
        sides = zip(settings.layers, more, strict=False)
        self.dense = nn.ModuleList(nn.Linear(*both) for both in sides)
        self.last = nn.Linear(settings.layers[-1], 1)
        for table in (self.past, self.item):
            nn.init.normal_(table.weight, std=settings.dim**-0.5)
        # As rare as each of so many items is: else the first epochs go by with learning that.
        nn.init.constant_(self.last.bias, -math.log(items))

    def visitors(self, past: History) -> Tensor:
        """[rows, first layer]"""
        part: Tensor = self.visitor_part(super().visitors(past))
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

    @torch.no_grad()
    def scorer(self) -> Scores:
        return partial(self._scores, self.items(torch.arange(self.item.num_embeddings)))

    @torch.no_grad()
    def _scores(self, items: Tensor, queries: Queries) -> Floats:
        """[queries, items] log-odds: the sigmoid would not change their order."""
        visitors = self.visitors(queries.history.last(self.settings.history))[:, None]
        at_once = max(1, CELLS // max(1, visitors.numel()))
        blocks = [self(visitors, block) for block in items.split(at_once)]  # type: ignore[no-untyped-call]
        scores: Floats = torch.cat(blocks, dim=1).numpy()
        return scores

    def loss(self, negatives: Negatives, pairs: Pairs) -> Tensor:
        """The mean over pairs, each a yes beside the no of all that are drawn. What the network
        says is held against how often an item is drawn: else it would learn by how much more often
        than that a visitor takes it, and popular items would never stand first."""
        visitors, drawn = self.visitors(pairs.past), negatives.draw()
        taken, log_q = pairs.items, negatives.log_q
        yes = functional.softplus(log_q[taken] - self(visitors, self.items(taken)))
        no = functional.softplus(self(visitors[:, None], self.items(drawn)) - log_q[drawn]).sum(1)
        loss: Tensor = (pairs.weight * (yes + no)).sum() / pairs.weight.sum()
        return loss


class MLP(FromPairs[Settings, Dense]):
    """Vectors of visitor and item, dense layers, a sigmoid, and cross-entropy against items drawn
    as not taken: the MLP of neural collaborative filtering (He et al., WWW 2017)."""

    name = "MLP"
    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        negatives=config.Choice(8, 16, 32, 64),
        popular=config.Between(0.0, 1.0),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    @classmethod
    def network(cls, settings: Settings, items: int, kinds: Floats) -> Dense:
        return Dense(settings, items, kinds)

    @classmethod
    def lessons(cls, network: Dense, settings: Settings, dataset: Dataset) -> tuple[Loss, Floats]:
        negatives = Negatives.of(dataset, settings.negatives, settings.popular)
        return partial(network.loss, negatives), dataset.weight
