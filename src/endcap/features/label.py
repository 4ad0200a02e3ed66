"""What an item is called by, as numbers: its category, department or brand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.stages import Feature
from endcap.tables.labels import Labels
from endcap.tables.scene import Scene
from endcap.types import Floats, Int32s, Int64s
from endcap.types.state import State


class Settings(config.Settings):
    """Which labels, and how they become numbers."""

    of: Literal["category", "department", "brand"] = Field(
        "category", description="the label: category is the finest, department its root"
    )
    encoding: Literal["one-hot", "share"] = Field(
        "one-hot",
        description="a column for each of the commonest labels, or one with the label's share of "
        "all candidates of the past; how well a label sells is `conversion` of it",
    )
    top: int = Field(10, gt=0, le=1_000, description="labels that have a column of their own")


class Label(Feature[Settings]):
    """Learned by name, since codes change from one `prepare` to the next. A label that was not
    among the candidates of the past has nothing but zeros.

    state: `names` as JSON, the commonest first; `share` [names].
    """

    settings_type = Settings

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self._names: list[str] = json.loads(bytes(state["names"])) if state else []
        self._known: tuple[Labels, Int64s] | None = None

    @classmethod
    def fit(cls, settings: Settings, scene: Scene) -> Self:
        names = {code: name for name, code in _known(scene.catalogue.labels, settings).items()}
        codes, counts = np.unique(_codes(scene, settings), return_counts=True)
        order = [at for at in np.argsort(-counts, kind="stable") if int(codes[at]) in names]
        told = json.dumps([names[int(codes[at])] for at in order]).encode()
        state: State = {
            "names": np.frombuffer(told, np.uint8),
            "share": (counts[order] / max(len(scene), 1)).astype(np.float32),
        }
        return cls(settings, state)

    def values(self, scene: Scene) -> Mapping[str, Floats]:
        places, codes = self._places(scene.catalogue.labels), _codes(scene, self.settings)
        place = places[np.minimum(codes, len(places) - 1)]
        if self.settings.encoding == "share":
            return {"": np.append(self.state["share"], np.float32(0))[place]}
        columns = range(self.settings.top)
        return {f"{column}": (place == column).astype(np.float32) for column in columns}

    def _places(self, labels: Labels) -> Int64s:
        """[codes] where each label stands among those that were learned, −1 for none: so does
        the last, which stands for all codes that came since."""
        if self._known is None or self._known[0] is not labels:
            known = _known(labels, self.settings)
            places = np.full(max(known.values(), default=0) + 2, -1)
            for place, name in enumerate(self._names):
                if name in known:
                    places[known[name]] = place
            self._known = labels, places
        return self._known[1]


def _known(labels: Labels, settings: Settings) -> Mapping[str, int]:
    return labels.known["brand_code" if settings.of == "brand" else settings.of]


def _codes(scene: Scene, settings: Settings) -> Int32s:
    """[rows]"""
    codes: Int32s = getattr(scene.catalogue, settings.of)[scene.ranking.item]
    return codes
