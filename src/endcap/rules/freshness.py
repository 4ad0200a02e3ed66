"""What is new counts more, and the less so the older it gets."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import DAY, Floats, Queries, Ranking


class Settings(config.Settings):
    """How much, and for how long."""

    lift: float = Field(
        0.5,
        gt=0,
        le=1_000,
        description="how much more an item counts that has just come: 0.5 is half again",
    )
    half_life: float = Field(14.0, gt=0, description="days after which that is halved")


class Freshness(Rule[Settings]):
    """Multiplies the score of an item of some age in days by 1 + lift · 2^(−age / half_life).

    An item whose day of coming is unknown is old.
    state: `created_at` [items] microseconds, 0 where unknown.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        return cls(settings, {"created_at": catalogue.created_at})

    def weigh(self, queries: Queries, ranking: Ranking) -> Floats:
        age = (queries.times[ranking.query] - self.state["created_at"][ranking.item]) / DAY
        fresh = np.exp2(-np.maximum(age, 0) / self.settings.half_life)
        return np.asarray(1 + self.settings.lift * fresh, np.float32)
