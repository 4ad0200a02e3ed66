"""What a ranker is told of each candidate: one file is one kind of feature.

    [features.views_7d]
    use = "endcap.features.windowed:Windowed"

`Features` holds all that are declared, fitted. Rankers learn from it and rank by it, so that
training and live requests see the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from endcap import config
from endcap.class_paths import import_class, resolve
from endcap.errors import ConfigError
from endcap.stages import Feature
from endcap.tables.catalogue import Catalogue
from endcap.tables.scaling import learned, scaled
from endcap.tables.scene import Scene
from endcap.types import Candidates, Floats, Queries
from endcap.types.state import State, below

OWN = "feature."
"""What the names of arrays begin with in the state of whoever keeps them."""

ROWS = 1 << 19
"""Candidates whose features are worked out at once: it bounds the memory, which on the way is
several times that of the result."""


@dataclass(frozen=True)
class Declared:
    """A feature of the configuration, fitted.

    past: of each column, what its scale remembers: see `endcap.tables.scaling`.
    """

    feature: Feature[Any]
    stage: config.Feature
    past: Floats

    @classmethod
    def fit(cls, name: str, stage: config.Feature, scene: Scene) -> Self:
        kind, settings = resolve(Feature, stage, f"features.{name}")
        feature = kind.fit(settings, scene)
        if stage.scale == "none":
            return cls(feature, stage, np.zeros((0, 0), np.float32))
        return cls(feature, stage, learned(stage.scale, _matrix(feature.values(scene))[1]))

    def __call__(self, name: str, scene: Scene) -> tuple[list[str], Floats]:
        """The columns by their whole names, and [rows, columns]."""
        names, values = _matrix(self.feature.values(scene))
        whole = [f"{name}_{column}" if column else name for column in names]
        return whole, scaled(self.stage.scale, self.past, values)


@dataclass(frozen=True)
class Features:
    """Where the retrievers placed a candidate, then what is declared, by name.

    retrievers: whose places and scores; one that did not take part proposed nothing.
    """

    retrievers: tuple[str, ...]
    declared: Mapping[str, Declared]

    @classmethod
    def fit(
        cls,
        stages: Mapping[str, config.Feature],
        queries: Queries,
        candidates: Candidates,
        catalogue: Catalogue,
    ) -> Self:
        """Learn scales and encodings from candidates of the past. Raises ConfigError where two
        columns have one name."""
        scene = Scene(queries, candidates.ranking, catalogue)
        declared = {name: Declared.fit(name, stage, scene) for name, stage in stages.items()}
        made = cls(candidates.retrievers, declared)
        names, _ = made(queries, candidates.keep(slice(0)), catalogue)
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigError(
                f"[features] gives two columns the name {twice[0]!r}",
                expected="names that differ, each with that of its column",
            )
        return made

    def __call__(
        self, queries: Queries, candidates: Candidates, catalogue: Catalogue
    ) -> tuple[list[str], Floats]:
        """Names, and [rows, columns] what is known of each candidate; NaN where it has no
        meaning."""
        rows = len(candidates.ranking)
        if rows <= ROWS:
            return self._of_some(queries, candidates, catalogue)
        names, first = self._of_some(queries, candidates.keep(slice(ROWS)), catalogue)
        values = np.empty((rows, len(names)), np.float32)
        values[:ROWS] = first
        for start in range(ROWS, rows, ROWS):
            some = slice(start, start + ROWS)
            values[some] = self._of_some(queries, candidates.keep(some), catalogue)[1]
        return names, values

    def _of_some(
        self, queries: Queries, candidates: Candidates, catalogue: Catalogue
    ) -> tuple[list[str], Floats]:
        scene = Scene(queries, candidates.ranking, catalogue)
        seen = candidates.seen_by(self.retrievers)
        found = [one(name, scene) for name, one in self.declared.items()]
        names = [f"{what}_{name}" for what in ("place", "score") for name in self.retrievers]
        names += [name for own, _ in found for name in own]
        parts = [seen.places, seen.scores, *(values for _, values in found)]
        return names, np.concatenate([part.T for part in parts]).T

    @property
    def state(self) -> State:
        """All of it as arrays, to be kept in the state of a ranker."""
        told = {
            "retrievers": self.retrievers,
            "declared": {name: _told(one) for name, one in self.declared.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            f"{OWN}told": np.frombuffer(json.dumps(told).encode(), np.uint8)
        }
        for name, one in self.declared.items():
            arrays[f"{OWN}{name}.past"] = one.past
            arrays |= {f"{OWN}{name}.state.{key}": own for key, own in one.feature.state.items()}
        return arrays

    @classmethod
    def of(cls, state: State) -> Self:
        """The same ones, from a state that holds theirs. Raises KeyError, ConfigError."""
        told = json.loads(bytes(state[f"{OWN}told"]))
        declared = {}
        for name, one in told["declared"].items():
            stage = config.Feature.model_validate(one["stage"])
            kind = import_class(Feature, stage.use, f"features.{name}")
            own = below(state, f"{OWN}{name}.state")
            feature = kind(kind.settings_type.model_validate(one["settings"]), own)
            declared[name] = Declared(feature, stage, state[f"{OWN}{name}.past"])
        return cls(tuple(told["retrievers"]), declared)


def _told(one: Declared) -> dict[str, Any]:
    settings = one.feature.settings.model_dump(mode="json")
    return {"stage": {"use": one.stage.use, "scale": one.stage.scale}, "settings": settings}


def _matrix(columns: Mapping[str, Any]) -> tuple[list[str], Floats]:
    """Names, and [rows, columns], in memory column by column, as they are made."""
    return list(columns), np.stack(list(columns.values()), dtype=np.float32, casting="same_kind").T
