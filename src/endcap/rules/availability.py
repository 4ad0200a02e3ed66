"""What cannot be bought is not shown: sold out, expired, or not yet on sale."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.dataset import Dataset
from endcap.tables.schema import AVAILABILITY
from endcap.types import Queries, Ranking


class Settings(config.Settings):
    """There is nothing to set."""


class Availability(Rule[Settings]):
    """state: `in_stock` [items] bool, `created_at` and `expires_at` [items] microseconds.

    The stock is known as of now only; the two dates are held against each query's moment.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, run: Run) -> Self:
        catalogue = dataset.catalogue
        gone = AVAILABILITY.index("out_of_stock")
        state = {
            "in_stock": catalogue.availability != gone,
            "created_at": catalogue.created_at,
            "expires_at": catalogue.expires_at,
        }
        return cls(settings, state)

    def restrict(self, queries: Queries) -> Queries:
        """Whole-shop facts only: an item that is on sale at none of the moments."""
        if not len(queries):
            return queries
        on_sale = self.state["in_stock"] & (self.state["created_at"] <= queries.times.max())
        on_sale &= self.state["expires_at"] > queries.times.min()
        allowed = on_sale if queries.allowed is None else on_sale & queries.allowed
        return replace(queries, allowed=allowed)

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        """What is not on sale at the query's own moment goes."""
        moment = queries.times[ranking.query]
        begun = self.state["created_at"][ranking.item] <= moment
        return ranking.keep(
            np.asarray(begun & (self.state["expires_at"][ranking.item] > moment), np.bool_)
        )
