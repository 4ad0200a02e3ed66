"""What the visitor is like at the moment: how active, how choosy, and when."""

from __future__ import annotations

from collections.abc import Mapping

from endcap.config import Settings
from endcap.stages import Feature
from endcap.tables.scene import Scene
from endcap.tables.visitors import visitor_features
from endcap.types import Floats


class Visitor(Feature[Settings]):
    """What `prepare` writes down of visitors too, as of the question's moment."""

    def values(self, scene: Scene) -> Mapping[str, Floats]:
        names, values = visitor_features(scene.queries, scene.catalogue)
        return dict(zip(names, values.T[:, scene.ranking.query], strict=True))
