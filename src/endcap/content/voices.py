"""The encoders that a model names in its settings, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from endcap.class_paths import resolve_own
from endcap.config import Settings
from endcap.stages import ALONE, Encoder, Run, State, below, under
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded

Chosen: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Encoders by the name of what they say: for each its class path, `use`, and its own settings."""

Found: TypeAlias = tuple[type[Encoder[Any]], Settings]


def resolved(chosen: Chosen, key: str) -> dict[str, Found]:
    """The classes and their settings. key: where they stand in the TOML. Raises ConfigError."""
    found = {}
    for name, own in chosen.items():
        where = f"{key}.{name}"
        found[name] = resolve_own(Encoder, own, where)
        found[name][0].check(found[name][1], where)
    return found


@dataclass(frozen=True)
class Voices:
    """Fitted encoders by their names, as parts of a model's state:

    NAME.ARRAY  the arrays of each encoder
    """

    encoders: Mapping[str, Encoder[Any]]

    @classmethod
    def fit(cls, chosen: Chosen, catalogue: Catalogue, run: Run, key: str) -> Self:
        """Learn from a catalogue. key: where they stand in the TOML. Raises ConfigError."""
        found = resolved(chosen, key)
        return cls({name: one.fit(own, catalogue, run) for name, (one, own) in found.items()})

    @classmethod
    def of(cls, chosen: Chosen, state: State, key: str) -> Self:
        """From what `state` gave."""
        found = resolved(chosen, key)
        return cls({name: one(own, below(state, name)) for name, (one, own) in found.items()})

    @property
    def state(self) -> dict[str, Any]:
        own = (under(name, encoder.state) for name, encoder in self.encoders.items())
        return {key: array for arrays in own for key, array in arrays.items()}

    def say(self, catalogue: Catalogue, run: Run = ALONE) -> dict[str, Encoded]:
        """By the names of the encoders, what each says of the items."""
        return {name: one.encode(catalogue, run) for name, one in self.encoders.items()}
