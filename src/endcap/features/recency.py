"""How long ago the newest event was."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from endcap import config
from endcap.stages import Feature
from endcap.tables.scene import Doubles, EventTypes, Of, Scene, Window, span
from endcap.types import DAY


class Settings(config.Settings):
    """Which events."""

    of: Of = Field("item", description="whose events: visitor_item are this visitor's on the item")
    event_types: EventTypes = Field((), description="event types that count; all if none is named")
    window: Window = Field("30d", description="how far back is looked; what is older is missing")


class Recency(Feature[Settings]):
    """In days."""

    settings_type = Settings

    def values(self, scene: Scene) -> Mapping[str, Doubles]:
        own = self.settings
        return {"": scene.since(own.of, own.event_types, span(own.window)) / DAY}
