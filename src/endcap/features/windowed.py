"""How many events there were in the time before, of an item, a visitor, or both."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from endcap import config
from endcap.stages import Feature
from endcap.tables.scene import Doubles, EventTypes, Of, Scene, Window, span
from endcap.types import DAY


class Settings(config.Settings):
    """Which events, and how far back."""

    of: Of = Field("item", description="whose events: visitor_item are this visitor's on the item")
    event_types: EventTypes = Field((), description="event types that count; all if none is named")
    window: Window = Field("7d", description="how far back they count: 1h, 1d, 7d, up to 30d")
    rate: bool = Field(False, description="whether to give events a day instead of events")


class Windowed(Feature[Settings]):
    """A count, exact to the microsecond."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, Doubles]:
        own = self.settings
        count = scene.count(own.of, own.event_types, span(own.window))
        return {"": count / (span(own.window) / DAY) if own.rate else count}
