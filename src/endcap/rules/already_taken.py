"""What the visitor has taken before is not offered again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Rule
from endcap.tables.scene import EventTypes
from endcap.tables.schema import kind
from endcap.types import Queries


class Settings(config.Settings):
    """What counts as taken."""

    kinds: EventTypes = Field(("purchase", "rate"), description="event types that count as taking")


class AlreadyTaken(Rule[Settings]):
    """Excludes the items of each visitor's earlier purchases."""

    settings_type = Settings

    def restrict(self, queries: Queries) -> Queries:
        history = queries.history
        taken = np.isin(history.kinds, [kind(name) for name in self.settings.kinds])
        had = history.keep(taken).ragged()
        return replace(queries, exclude=queries.exclude.union(had))
