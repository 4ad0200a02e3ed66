"""Some items count more, or less, than their scores say: boosts and buries."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.class_paths import check_filter
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Queries, Ranking

MOST = 1e12
"""What all factors of an item come to at most, so that none becomes zero, nor without an end."""

Factor = Annotated[float, Field(gt=0, le=1_000)]


class Settings(config.Settings):
    """Which items, and how much."""

    factors: dict[str, Factor] = Field(
        {},
        description="for each filter, what the scores of the items that meet it are multiplied "
        "by: above 1 lifts them, below 1 sinks them",
    )


class Boost(Rule[Settings]):
    """Multiplies scores. An item that meets several filters has all of their factors.

    state: `factor` [items].
    """

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        for text in settings.factors:
            check_filter(text, f"{key}.factors")

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        factor = np.ones(len(catalogue))
        for text, own in settings.factors.items():
            factor[catalogue.meets(text)] *= own
        return cls(settings, {"factor": np.clip(factor, 1 / MOST, MOST).astype(np.float32)})

    def weigh(self, queries: Queries, ranking: Ranking) -> Floats:
        return np.asarray(self.state["factor"][ranking.item], np.float32)
