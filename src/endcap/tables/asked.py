"""Questions about a part of the log, and their answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endcap.config import Scope
from endcap.types import Bools, History, Int64s, Queries, Ragged, ranges

AFTER = 50
"""Events that follow a question and may tell how far the visitor came."""


@dataclass(frozen=True)
class Asked:
    """Questions, and what was taken right after each.

    truth: [Q] rows of items, none twice in a row.
    again: [truth.values] whether the visitor had taken the item before.
    met: [truth.values] whether they had done anything with it before.
    after: Q rows of what the visitor did from the question on, the answer included: the next
        `AFTER` events at most, none of a later part.
    """

    queries: Queries
    truth: Ragged
    again: Bools
    met: Bools
    after: History

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Int64s) -> Asked:
        answers = ranges(self.truth.offsets, rows)
        return Asked(
            self.queries.take(rows),
            self.truth.take(rows),
            self.again[answers],
            self.met[answers],
            self.after.take(rows),
        )

    def scope(self, scope: Scope) -> Asked:
        """The questions that still have an answer when only such items count."""
        if scope == "all":
            return self
        mask = {"new": ~self.again, "again": self.again, "fresh": ~self.met}[scope]
        kept = replace(
            self, truth=self.truth.keep(mask), again=self.again[mask], met=self.met[mask]
        )
        return kept.take(np.flatnonzero(kept.truth.lengths > 0))

    def sample(self, n: int, seed: int) -> Asked:
        """At most n of the questions, by chance."""
        if len(self) <= n:
            return self
        rows = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(np.sort(rows))
