"""The steps from a look to a purchase, and how far a visitor came with each candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from endcap.tables.asked import Asked
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import Bools, Int8s, Ranking

KINDS = {
    "view": ("click", "view"),
    "cart": ("add_to_wishlist", "add_to_cart", "begin_checkout"),
    "purchase": ("purchase", "rate"),
}
"""The event types that say how far a visitor came, step by step."""


@dataclass(frozen=True)
class Funnel:
    """The steps that a log knows, the first of them first.

    aim: the place among them of what is predicted.
    """

    steps: tuple[str, ...]
    aim: int

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """The steps of which the log has events, and that of the targets."""
        own = set(dataset.kind.tolist())
        targets = set(dataset.meaning.targets)
        reached = {name: {kind(word) for word in words} for name, words in KINDS.items()}
        aims = [name for name, kinds in reached.items() if kinds & targets]
        aim = aims[0] if aims else "purchase"
        steps = tuple(name for name, kinds in reached.items() if kinds & own or name == aim)
        return cls(steps, steps.index(aim))

    def labels(self, asked: Asked, ranking: Ranking) -> Bools:
        """[rows, steps] whether the visitor came so far with the item: none without the one
        before.

        At the aim it is what the questions are about, taken at their very moment. The other
        steps also count what the visitor did later in the same part of the log.
        """
        taken = ranking.hits(asked.truth)
        place = _places(self.steps)[asked.after.kinds]
        came = [
            ranking.hits(asked.after.keep(place >= step).ragged())
            for step in range(len(self.steps))
        ]
        columns = [
            taken if step == self.aim else taken | one if step < self.aim else taken & one
            for step, one in enumerate(came)
        ]
        return np.stack(columns, axis=1)


def _places(steps: tuple[str, ...]) -> Int8s:
    """[kinds] the last of the steps that an event of the type shows, −1 for none."""
    places = np.full(len(EVENT_TYPES), -1, np.int8)
    for place, name in enumerate(steps):
        places[[kind(word) for word in KINDS[name]]] = place
    return places
