"""How many of those who looked took it, of an item, a category, a brand, or by the visitor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Feature
from endcap.tables.scene import Doubles, EventTypes, Of, Scene, Window, span


class Settings(config.Settings):
    """Which step, and how much it takes to believe it."""

    of: Of = Field("item", description="whose events: visitor_item are this visitor's on the item")
    looked: EventTypes = Field(("click", "view"), description="event types of looking")
    took: EventTypes = Field(("purchase",), description="event types of taking")
    window: Window = Field("30d", description="how far back both count")
    doubt: float = Field(
        20.0, gt=0, description="looks at the shop's mean rate that are added to those there were"
    )


class Conversion(Feature[Settings]):
    """The rate, drawn towards that of the whole shop in the same time where few have looked; 0
    where nobody has looked at anything."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, Doubles]:
        own, window = self.settings, span(self.settings.window)
        looked, took = (scene.count(own.of, types, window) for types in (own.looked, own.took))
        all_looked, all_took = (scene.total(types, window) for types in (own.looked, own.took))
        mean = all_took / np.maximum(all_looked, 1)
        return {"": (took + own.doubt * mean) / (looked + own.doubt)}
