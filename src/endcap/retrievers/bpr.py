"""Factors that order what a visitor took above what they did not.

Learns fast and asks for nothing but events; use it where a network of sequences takes too
long. It sees what was done lately, but not in which order.
"""

from __future__ import annotations

from functools import partial
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.nn.fitting import Training, fitted, restored
from endcap.nn.losses import bpr
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs, pair_steps
from endcap.nn.pooling import pooled, shares
from endcap.nn.scoring import Scores, best
from endcap.stages import Retriever, Run, State
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, History, Queries, Ranking


class Settings(Training):
    """The factors, and what they are held against."""

    factors: int = Field(128, gt=0, description="numbers that describe each item")
    negatives: int = Field(256, gt=0, description="items drawn for a batch as not taken")
    popular: float = Field(
        0.5, ge=0, le=1, description="share of them that is drawn by number of events, not evenly"
    )
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class Factors(nn.Module):
    """past: [items, factors] what an item says of who took it; item: whom it is for."""

    kinds: Tensor

    def __init__(self, settings: Settings, items: int, kinds: Floats) -> None:
        super().__init__()
        self.settings = settings
        self.past = nn.Embedding(items, settings.factors)
        self.item = nn.Embedding(items, settings.factors)
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))
        for table in (self.past, self.item):
            nn.init.normal_(table.weight, std=settings.factors**-0.5)

    def forward(self, past: History) -> Tensor:
        """[rows, factors]"""
        share = shares(past, self.settings.recency, self.kinds)
        return pooled(self.past.weight, past, past.items, share)


class BPR(Retriever[Settings]):
    """Matrix factorisation under the pairwise loss of Rendle et al. (UAI 2009).

    The visitor's factors are the mean of a second set of factors over the items of their past,
    as in FISM (Kabbur et al., KDD 2013): nobody has factors of their own, so a newcomer is
    answered like everyone, and each event changes the answer. It learns from each event with
    what its visitor had done until then.
    state: the weights of `Factors`, by their names.
    """

    settings_type = Settings
    search = config.space(
        factors=config.Choice(64, 128, 256),
        negatives=config.Choice(64, 256, 1024),
        popular=config.Between(0.0, 1.0),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        network = Factors(settings, len(state["item.weight"]), state["kinds"])
        self.scores = _scorer(restored(network, state))

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        network = Factors(settings, len(dataset.catalogue), dataset.kind_weights)
        negatives = Negatives.of(dataset, settings.negatives, settings.popular)
        lessons = partial(_loss, network, negatives), dataset, dataset.weight
        steps = partial(pair_steps, *lessons, settings.history, settings.batch, run.seed)
        return cls(*fitted(network, settings, steps, _scorer, judge, run, "BPR"))

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(self.scores, queries, n)


def _scorer(network: Factors) -> Scores:
    return partial(_scores, network)


@torch.no_grad()
def _scores(network: Factors, queries: Queries) -> Floats:
    """[queries, items]"""
    visitors = network(queries.history.last(network.settings.history))
    scores: Floats = (visitors @ network.item.weight.t()).numpy()
    return scores


def _loss(network: Factors, negatives: Negatives, pairs: Pairs) -> Tensor:
    items = network.item.weight
    return bpr(network(pairs.past), items, pairs.items, negatives.draw(), pairs.weight)
