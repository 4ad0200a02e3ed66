"""Items described like those that the visitor looked at last.

What it knows of an item is in the catalogue, so it proposes what nobody has seen yet.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.content.telling import Read, Telling
from endcap.nn.votes import elect, shared, votes_of
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import History, Int32s, Queries, Ragged, Ranking
from endcap.types.sparse import Matrix, pack, unpack
from endcap.types.state import State


class Settings(Read):
    """What of the catalogue is read, and of whose past."""

    history: int = Field(20, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")
    rare: float = Field(
        0.0,
        ge=0,
        description="what is added to the score of an item without events, as a share of it, and "
        "a (1 + n)th of that after n events: more for what few have taken",
    )


class Content(Retriever[Settings]):
    """The cosine of weighted terms between the items and the mean of the history's: see `Telling`.
    With `rare`, the fewer events an item has, the more its cosine counts: what is known of the
    others, other models say.

    state: the weights as a packed matrix [items, terms]; `lift` [items] how much a cosine counts;
        that of `Telling`.
    """

    settings_type = Settings
    search = config.space(
        keep=config.Between(5, 200, log=True),
        history=config.Choice(5, 10, 20, 50),
        recency=config.Between(0.4, 1.0),
        rare=config.Between(0.0, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.telling = Telling(settings, state)
        self.lift = np.asarray(state["lift"])

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        run.report("content: weighing terms", 0.5)
        telling, vectors = Telling.fit(settings, dataset.catalogue.table)
        events = np.bincount(dataset.item, minlength=len(dataset.catalogue))
        lift = (1 + settings.rare / (1 + events)).astype(np.float32)
        return cls(settings, {**pack(vectors), "lift": lift, **telling.state})

    @cached_property
    def vectors(self) -> Matrix:
        """[items, terms]"""
        return unpack(self.state, len(self.telling.rarity))

    @cached_property
    def by_term(self) -> Matrix:
        """[terms, items] with what a cosine counts."""
        by_term: Matrix = (sparse.diags_array(self.lift) @ self.vectors).T.tocsr()
        return by_term

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """By the terms that tell something of the items of the fit."""
        own = self.telling.weigh(catalogue.some(new).table)
        grown = type(self)(self.settings, self.state)
        grown.telling = self.telling
        unmet = np.full(len(new), 1 + self.settings.rare, np.float32)
        grown.lift = np.concatenate([self.lift, unmet])
        vars(grown)["vectors"] = sparse.vstack([self.vectors, own], format="csr")
        return grown

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return elect(self._votes(queries.history) @ self.vectors, self.by_term, queries, n)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        return shared(self._votes(queries.history), self.vectors, self.by_term, ranking)

    def _votes(self, history: History) -> Matrix:
        items = self.vectors.shape[0]
        return votes_of(history, self.settings.history, self.settings.recency, items)
