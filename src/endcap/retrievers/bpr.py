"""Factors that order what a visitor took above what they did not.

Learns fast and asks for nothing but events; use it where a network of sequences takes too
long. It sees what was done lately, but not in which order.
"""

from __future__ import annotations

from functools import partial

import torch
from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.nn.fitting import FromPairs, Loss, MeanOfPast, Training
from endcap.nn.losses import bpr
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs
from endcap.nn.scoring import Scores
from endcap.tables.dataset import Dataset
from endcap.types import Floats, Queries


class Settings(Training):
    """The factors, and what they are held against."""

    factors: int = Field(128, gt=0, description="numbers that describe each item")
    negatives: int = Field(256, gt=0, description="items drawn for a batch as not taken")
    popular: float = Field(
        0.5, ge=0, le=1, description="share of them that is drawn by number of events, not evenly"
    )


class Factors(MeanOfPast):
    """item: [items, factors] whom an item is for."""

    def __init__(self, settings: Settings, items: int, kinds: Floats) -> None:
        super().__init__(settings, items, settings.factors, kinds)
        self.item = nn.Embedding(items, settings.factors)
        for table in (self.past, self.item):
            nn.init.normal_(table.weight, std=settings.factors**-0.5)

    def scorer(self) -> Scores:
        return self._scores

    @torch.no_grad()
    def _scores(self, queries: Queries) -> Floats:
        """[queries, items]"""
        visitors = self.visitors(queries.history.last(self.settings.history))
        scores: Floats = (visitors @ self.item.weight.t()).numpy()
        return scores

    def loss(self, negatives: Negatives, pairs: Pairs) -> Tensor:
        """What was taken against what was not."""
        visitors, drawn = self.visitors(pairs.past), negatives.draw()
        return bpr(visitors, self.item.weight, pairs.items, drawn, pairs.weight)


class BPR(FromPairs[Settings, Factors]):
    """Matrix factorisation under the pairwise loss of Rendle et al. (UAI 2009).

    The visitor's factors are the mean of a second set of factors over the items of their past,
    as in FISM (Kabbur et al., KDD 2013). It learns from each event with what its visitor had done
    until then.
    """

    name = "BPR"
    settings_type = Settings
    search = config.space(
        factors=config.Choice(64, 128, 256),
        negatives=config.Choice(64, 256, 1024),
        popular=config.Between(0.0, 1.0),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    @classmethod
    def network(cls, settings: Settings, items: int, kinds: Floats) -> Factors:
        return Factors(settings, items, kinds)

    @classmethod
    def lessons(cls, network: Factors, settings: Settings, dataset: Dataset) -> tuple[Loss, Floats]:
        negatives = Negatives.of(dataset, settings.negatives, settings.popular)
        return partial(network.loss, negatives), dataset.weight
