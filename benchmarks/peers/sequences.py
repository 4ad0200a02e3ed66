"""The same events for all systems, and the same judge, in nothing but numpy.

Each system runs under a Python of its own; what they share is a file of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

TRAINING, VALIDATION, TEST = 0, 1, 2
"""Leave-one-out: a user's last event is TEST, the one before VALIDATION."""

LONGEST = 10
"""Places of a list that are judged."""


@dataclass(frozen=True)
class Sequences:
    """Events sorted by user, then time; each column is [events]. Items are codes from 0."""

    user: Codes
    item: Codes
    part: Codes

    @classmethod
    def load(cls, path: Path) -> Sequences:
        with np.load(path) as columns:
            return cls(*(columns[name] for name in ("user", "item", "part")))

    def save(self, path: Path) -> None:
        np.savez(path, user=self.user, item=self.item, part=self.part)

    def before(self, part: int) -> Sequences:
        """All events of earlier parts."""
        mask = self.part < part
        return Sequences(self.user[mask], self.item[mask], self.part[mask])

    def asked(self, part: int) -> tuple[Codes, Codes]:
        """The users who are asked about in a part, and the item that is right for each."""
        mask = self.part == part
        return self.user[mask], self.item[mask]

    def histories(self, part: int) -> list[Codes]:
        """For each user who is asked about, the items before, oldest first."""
        past, (users, _) = self.before(part), self.asked(part)
        starts, stops = (np.searchsorted(past.user, users, side) for side in ("left", "right"))
        return [past.item[start:stop] for start, stop in zip(starts, stops, strict=True)]

    @property
    def positions(self) -> int:
        """Training events that have one before them: what there is to learn from."""
        past = self.before(VALIDATION)
        return len(past.user) - len(np.unique(past.user))


def ndcg(lists: NDArray[Any], target: Codes) -> float:
    """NDCG@10 with one right item each.

    lists: [users, 10] item codes, best first, −1 for no item.

    >>> round(ndcg(np.array([[4, 7], [5, 6]]), np.array([7, 4])), 4)
    0.3155
    """
    hit = lists[:, :LONGEST] == target[:, None]
    gains = hit / np.log2(np.arange(hit.shape[1]) + 2.0)
    return float(gains.sum(axis=1).mean())
