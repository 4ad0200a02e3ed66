"""What `prepare` knew of an item: popularity, price, age and their like, from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping

from endcap.config import Settings
from endcap.stages import Feature
from endcap.tables.scene import Scene
from endcap.types import Floats


class Item(Feature[Settings]):
    """The catalogue's own features: see `endcap.tables.prepare.item_features`."""

    def values(self, scene: Scene) -> Mapping[str, Floats]:
        rows = scene.catalogue.feature_matrix[scene.ranking.item]
        return dict(zip(scene.catalogue.features.column_names, rows.T, strict=True))
