"""What cannot be bought is not shown: sold out, expired, not yet on sale, or not sold here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import AVAILABILITY
from endcap.types import Bools, Int32s, Int64s, Queries, Ragged, Ranking, distinct, offsets_of

SPANS = 4
"""Spans between two changes whose items on sale are kept."""


class Settings(config.Settings):
    """What counts as for sale."""

    priced: bool = Field(
        False,
        description="whether an item that has prices for some markets, but none for the request's, "
        "is not for sale there",
    )


class Availability(Rule[Settings]):
    """state: `in_stock` [items] bool, `created_at` and `expires_at` [items] microseconds.

    The stock is known as of now only; the two dates are held against each query's moment.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        gone = AVAILABILITY.index("out_of_stock")
        state = {
            "in_stock": (catalogue.availability != gone) & (catalogue.sold | (not settings.priced)),
            "created_at": catalogue.created_at,
            "expires_at": catalogue.expires_at,
        }
        return cls(settings, state)

    def restrict(self, queries: Queries) -> Queries:
        """What is on sale at none of the moments goes for all; what is so at some, for the rest."""
        if not len(queries):
            return queries
        ends = [queries.times.min(), queries.times.max()]
        first, last = np.searchsorted(self._changes, ends, side="right")
        if first == last:
            return self._at(int(first), queries)
        some = self.state["in_stock"] & (self.state["created_at"] <= ends[1])
        some &= self.state["expires_at"] > ends[0]
        each = (self.state["created_at"] <= ends[0]) & (self.state["expires_at"] > ends[1])
        changing = np.flatnonzero(some & ~each)
        off_sale = ~self._on_sale(queries.times[:, None], changing)
        places = np.nonzero(off_sale)[1]
        off = Ragged(offsets_of(off_sale.sum(1)), changing[places].astype(np.int32))
        return replace(queries, exclude=queries.exclude.union(off)).allow(some)

    def _at(self, span: int, queries: Queries) -> Queries:
        """Between two changes what is on sale stays the same: there all questions of a moment are,
        and no question of the service has to go through the catalogue."""
        on_sale = self._in_span(span)
        return queries if on_sale is None else queries.allow(on_sale)

    @cached_property
    def _changes(self) -> Int64s:
        """The moments at which anything comes or goes."""
        return distinct(np.r_[self.state["created_at"], self.state["expires_at"]])

    @cached_property
    def _in_span(self) -> Callable[[int], Bools | None]:
        return lru_cache(SPANS)(self._found)

    def _found(self, span: int) -> Bools | None:
        """What is on sale from a change to the next, None for everything."""
        begin = self._changes[span - 1] if span else np.int64(-1)
        everything = np.arange(len(self.state["in_stock"]))
        on_sale = self.state["in_stock"] & self._on_sale(begin, everything)
        return None if on_sale.all() else on_sale

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        """What is not on sale at the query's own moment goes."""
        return ranking.keep(self._on_sale(queries.times[ranking.query], ranking.item))

    def _on_sale(self, moments: Int64s | np.int64, items: Int32s | Int64s) -> Bools:
        """Whether the dates allow each item at each moment; one for each pair that broadcasts."""
        begun = self.state["created_at"][items] <= moments
        return np.asarray(begun & (self.state["expires_at"][items] > moments), np.bool_)
