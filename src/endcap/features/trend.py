"""Whether something is on the rise: a short time against a long one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from endcap import config
from endcap.stages import Feature
from endcap.tables.scene import Doubles, EventTypes, Of, Scene, Window, span


class Settings(config.Settings):
    """Which events, and the two times."""

    of: Of = Field("item", description="whose events: visitor_item are this visitor's on the item")
    event_types: EventTypes = Field((), description="event types that count; all if none is named")
    short: Window = Field("1d", description="the time that is looked at")
    long: Window = Field("7d", description="the time that it is held against, which holds it")
    doubt: float = Field(
        1.0, gt=0, description="events of an even flow that are added, against chance in small ones"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if span(self.short) >= span(self.long):
            raise ValueError(f"short is {self.short}, expected less than long, {self.long}")
        return self


class Trend(Feature[Settings]):
    """log of the rate of the short time over that of the long one: 0 is an even flow, above it
    things rise."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, Doubles]:
        own, part = self.settings, span(self.settings.short) / span(self.settings.long)
        short, long = (
            scene.count(own.of, own.event_types, span(window)) for window in (own.short, own.long)
        )
        return {"": np.log((short / part + own.doubt) / (long + own.doubt))}
