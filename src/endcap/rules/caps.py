"""At most so many items of a brand, a category or a product in one list."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Bools, Int32s, Queries, Ranking, pair_keys

Group: TypeAlias = Literal["brand", "category", "department", "parent_id"]


class Settings(config.Settings):
    """Of what, and how many."""

    most: dict[Group, Annotated[int, Field(gt=0)]] = Field(
        {"brand": 3},
        description="items of one brand, finest category, department (the root of the category) "
        "or parent_id (variants of a product) that a list holds at most",
    )


class Caps(Rule[Settings]):
    """Keeps the first ones of a list and leaves out the others. Items without a brand, say, are
    not capped by brand.

    state: for each of `most`, [items] codes, 0 where an item has none.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        return cls(settings, {name: _codes(catalogue, name) for name in settings.most})

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        for name, most in self.settings.most.items():
            ranking = ranking.keep(_first(ranking, self.state[name], most))
        return ranking


def _codes(catalogue: Catalogue, group: Group) -> Int32s:
    """[items] 0 for none. A product is one of its variants, where it is an item itself."""
    if group != "parent_id":
        return np.asarray(getattr(catalogue, group), np.int32)
    parents, ids = (catalogue.table[name].combine_chunks() for name in ("parent_id", "item_id"))
    own = pc.if_else(pc.is_in(ids, value_set=parents), ids, None)
    parents = pc.dictionary_encode(pc.coalesce(parents, own))
    return np.asarray(pc.fill_null(pc.add(parents.indices, 1), 0).to_numpy(), np.int32)


def _first(ranking: Ranking, codes: Int32s, most: int) -> Bools:
    """[rows] whether a row is among the first ones of its list that share its code."""
    own = codes[ranking.item]
    (keys,) = pair_keys((ranking.query, own))
    order = np.argsort(keys, kind="stable")
    begins = np.searchsorted(keys[order], keys[order], side="left")
    earlier = np.empty(len(keys), np.int64)
    earlier[order] = np.arange(len(keys)) - begins
    return np.asarray((earlier < most) | (own == 0), np.bool_)
