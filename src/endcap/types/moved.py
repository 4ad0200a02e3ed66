"""Which events moved a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from endcap.types.arrays import Floats, Int32s
from endcap.types.ragged import Rows


class Push(NamedTuple):
    """An event that moved a score. age: how many events of its query came later, 0 is the newest.
    by: how much lower the score is without it."""

    age: int
    by: float


class Tie(NamedTuple):
    """How an item has to do with another: they have the same brand ("same", by "brand"), a fact
    joins them ("joined", by its relation), or they go with each other ("with")."""

    kind: Literal["same", "joined", "with"]
    by: str = ""


@dataclass(frozen=True, slots=True)
class Moved(Rows):
    """For each row of a ranking, the events that lifted its score, the strongest first. age, by:
    see `Push`."""

    age: Int32s
    by: Floats

    def __getitem__(self, row: int) -> list[Push]:
        own = slice(self.offsets[row], self.offsets[row + 1])
        return [
            Push(*one) for one in zip(self.age[own].tolist(), self.by[own].tolist(), strict=True)
        ]
