"""What cannot be bought is not shown: sold out, expired, or not yet on sale."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import AVAILABILITY
from endcap.types import Bools, Int32s, Int64s, Queries, Ragged, Ranking, offsets_of


class Settings(config.Settings):
    """There is nothing to set."""


class Availability(Rule[Settings]):
    """state: `in_stock` [items] bool, `created_at` and `expires_at` [items] microseconds.

    The stock is known as of now only; the two dates are held against each query's moment.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        gone = AVAILABILITY.index("out_of_stock")
        state = {
            "in_stock": catalogue.availability != gone,
            "created_at": catalogue.created_at,
            "expires_at": catalogue.expires_at,
        }
        return cls(settings, state)

    def restrict(self, queries: Queries) -> Queries:
        """What is on sale at none of the moments goes for all; what is so at some, for the rest."""
        if not len(queries):
            return queries
        some = self.state["in_stock"] & (self.state["created_at"] <= queries.times.max())
        some &= self.state["expires_at"] > queries.times.min()
        each = (self.state["created_at"] <= queries.times.min()) & (
            self.state["expires_at"] > queries.times.max()
        )
        changing = np.flatnonzero(some & ~each)
        off_sale = ~self._on_sale(queries.times[:, None], changing)
        places = np.nonzero(off_sale)[1]
        off = Ragged(offsets_of(off_sale.sum(1)), changing[places].astype(np.int32))
        return replace(queries, exclude=queries.exclude.union(off)).allow(some)

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        """What is not on sale at the query's own moment goes."""
        return ranking.keep(self._on_sale(queries.times[ranking.query], ranking.item))

    def _on_sale(self, moments: Int64s, items: Int32s | Int64s) -> Bools:
        """Whether the dates allow each item at each moment; one for each pair that broadcasts."""
        begun = self.state["created_at"][items] <= moments
        return np.asarray(begun & (self.state["expires_at"][items] > moments), np.bool_)
