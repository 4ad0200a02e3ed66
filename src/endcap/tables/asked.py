"""Questions about a part of the log, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from endcap.types import Bools, Int64s, Queries, Ragged, ranges

Scope = Literal["all", "new", "again", "fresh"]
"""Answers that count: all, what was not taken before, what was, what no earlier event was on."""


@dataclass(frozen=True)
class Asked:
    """Questions, and what was taken right after each.

    truth: [Q] rows of items, none twice in a row.
    again: [truth.values] whether the visitor had taken the item before.
    met: [truth.values] whether they had done anything with it before.
    """

    queries: Queries
    truth: Ragged
    again: Bools
    met: Bools

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Int64s) -> Asked:
        answers = ranges(self.truth.offsets, rows)
        return Asked(
            self.queries.take(rows),
            self.truth.take(rows),
            self.again[answers],
            self.met[answers],
        )

    def scope(self, scope: Scope) -> Asked:
        """The questions that still have an answer when only such items count."""
        if scope == "all":
            return self
        mask = {"new": ~self.again, "again": self.again, "fresh": ~self.met}[scope]
        kept = Asked(self.queries, self.truth.keep(mask), self.again[mask], self.met[mask])
        return kept.take(np.flatnonzero(kept.truth.lengths > 0))

    def sample(self, n: int, seed: int) -> Asked:
        """At most n of the questions, by chance."""
        if len(self) <= n:
            return self
        rows = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(np.sort(rows))
