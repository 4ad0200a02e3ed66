"""Which events moved a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from endcap.types.arrays import Floats, Int32s, Int64s


class Push(NamedTuple):
    """An event that moved a score. age: how many events of its query came later, 0 is the newest.
    by: how much lower the score is without it."""

    age: int
    by: float


@dataclass(frozen=True, slots=True)
class Moved:
    """For each row of a ranking, the events that lifted its score, the strongest first: row r is
    the slice ``offsets[r] : offsets[r + 1]``. age, by: see `Push`."""

    offsets: Int64s
    age: Int32s
    by: Floats

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> list[Push]:
        own = slice(self.offsets[row], self.offsets[row + 1])
        return [
            Push(*one) for one in zip(self.age[own].tolist(), self.by[own].tolist(), strict=True)
        ]
