"""The encoders that a model names in its settings, and what they say of its items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np

from endcap.class_paths import resolve_own
from endcap.config import Settings
from endcap.stages import Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Bools, Floats
from endcap.types.state import State, below, under

Chosen: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Encoders by the name of what they say: for each its class path, `use`, and its own settings."""

CONTENT, ENCODER = "content", "encoder"
"""What the names of the arrays begin with: what is said, and what encoders learned to say it."""

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
    """Those of the encoders that know something of any item, by their names; as parts of a model's
    state:

    content.NAME        [items, width] what each says of the items of the fit
    encoder.NAME.ARRAY  its own arrays
    """

    encoders: Mapping[str, Encoder[Any]]
    vectors: Mapping[str, Floats]

    @classmethod
    def fit(cls, chosen: Chosen, catalogue: Catalogue, run: Run) -> Self:
        """Learn from a catalogue. Raises ConfigError."""
        encoders, vectors = dict[str, Encoder[Any]](), dict[str, Floats]()
        for name, (one, own) in resolved(chosen, CONTENT).items():
            encoder = one.fit(own, catalogue, run)
            said = encoder.encode(catalogue, run)
            if said.known.any():
                encoders[name], vectors[name] = encoder, said.vectors
        return cls(encoders, vectors)

    @classmethod
    def of(cls, chosen: Chosen, state: State) -> Self:
        """From a state that holds what `state` gave."""
        vectors, arrays = below(state, CONTENT), below(state, ENCODER)
        found = resolved({name: chosen[name] for name in vectors}, CONTENT)
        encoders = {name: one(own, below(arrays, name)) for name, (one, own) in found.items()}
        return cls(encoders, vectors)

    def over(self, catalogue: Catalogue, run: Run) -> Self:
        """The same encoders over other items."""
        return type(self)(
            self.encoders,
            {name: one.encode(catalogue, run).vectors for name, one in self.encoders.items()},
        )

    @property
    def state(self) -> State:
        own = {name: encoder.state for name, encoder in self.encoders.items()}
        arrays = {f"{name}.{key}": one for name, state in own.items() for key, one in state.items()}
        return {**under(CONTENT, self.vectors), **under(ENCODER, arrays)}

    def say(self, items: Catalogue) -> tuple[dict[str, Floats], Bools]:
        """By the names of the encoders, [items, width] what each says of further items; and [items]
        of which any of them knows something."""
        said = {name: one.encode(items) for name, one in self.encoders.items()}
        known = np.zeros(len(items), np.bool_)
        for one in said.values():
            known |= one.known
        return {name: one.vectors for name, one in said.items()}, known
