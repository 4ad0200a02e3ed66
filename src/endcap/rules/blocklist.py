"""Items that are never shown."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.class_paths import check_filter
from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Queries


class Settings(config.Settings):
    """Which ones."""

    items: tuple[str, ...] = Field((), description="by their ids; one that is unknown is no error")
    filter: str = Field("", description="all that meet it; empty for none")


class Blocklist(Rule[Settings]):
    """state: `free` [items] bool, False for those that are never shown."""

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        check_filter(settings.filter, f"{key}.filter")

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        free = np.ones(len(catalogue), np.bool_)
        free[catalogue.codes(settings.items)] = False
        if settings.filter:
            free &= ~catalogue.meets(settings.filter)
        return cls(settings, {"free": free})

    def restrict(self, queries: Queries) -> Queries:
        return queries.allow(self.state["free"])
