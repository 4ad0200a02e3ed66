"""How far the visit is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Feature
from endcap.tables.scene import Doubles, Scene
from endcap.tables.visitors import visit
from endcap.types import MINUTE


class Settings(config.Settings):
    """What a visit is."""

    pause_minutes: float = Field(30.0, gt=0, description="a pause that ends a visit")


class Visit(Feature[Settings]):
    """position: events of the visit that goes on at the moment. minutes: since it began; missing
    where none goes on."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, Doubles]:
        queries, query = scene.queries, scene.ranking.query
        position = visit(queries, round(self.settings.pause_minutes * MINUTE))
        going_on = np.flatnonzero(position)
        first = queries.history.offsets[1:][going_on] - position[going_on].astype(np.int64)
        minutes = np.full(len(queries), np.nan)
        minutes[going_on] = (queries.times[going_on] - queries.history.times[first]) / MINUTE
        return {"position": position[query], "minutes": minutes[query]}
