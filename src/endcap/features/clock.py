"""The time of the day and of the week."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Feature
from endcap.tables.scene import Doubles, Scene
from endcap.types import DAY

MONDAY = 3
"""The first day of 1970 was a Thursday."""


class Settings(config.Settings):
    """Whose clock."""

    utc_offset_hours: float = Field(
        0.0, ge=-14, le=14, description="what the shop's clocks are ahead of UTC"
    )


class Clock(Feature[Settings]):
    """hour: from 0 to 24. day: from 0, Monday's midnight, to 7. Each also as a point on a circle,
    sine and cosine, so that midnight is near to one o'clock."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, Doubles]:
        times = scene.queries.times + round(self.settings.utc_offset_hours * DAY / 24)
        days = (times % DAY) / DAY, (times // DAY + MONDAY) % 7 + (times % DAY) / DAY
        columns: dict[str, Doubles] = {}
        for name, value, whole in (("hour", days[0] * 24, 24), ("day", days[1], 7)):
            angle = 2 * np.pi * value / whole
            columns |= {name: value, f"{name}_sin": np.sin(angle), f"{name}_cos": np.cos(angle)}
        return {name: column[scene.ranking.query] for name, column in columns.items()}
