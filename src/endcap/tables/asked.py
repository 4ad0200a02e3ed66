"""Questions about a part of the log, and their answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from endcap.types import Bools, Int64s, Queries, Ragged, among, ranges

Scope = Literal["all", "new", "again", "fresh"]
"""Answers that count: all, what was not taken before, what was, what no earlier event was on."""


@dataclass(frozen=True)
class Asked:
    """Questions, and what was taken right after each.

    truth: [Q] rows of items, none twice in a row.
    again: [truth.values] whether the visitor had taken the item before.
    """

    queries: Queries
    truth: Ragged
    again: Bools

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Int64s) -> Asked:
        return Asked(
            self.queries.take(rows),
            self.truth.take(rows),
            self.again[ranges(self.truth.offsets, rows)],
        )

    def scope(self, scope: Scope) -> Asked:
        """The questions that still have an answer when only such items count."""
        if scope == "all":
            return self
        mask = {"new": ~self.again, "again": self.again, "fresh": ~self._met}[scope]
        kept = replace(self, truth=self.truth.keep(mask), again=self.again[mask])
        return kept.take(np.flatnonzero(kept.truth.lengths > 0))

    @property
    def _met(self) -> Bools:
        """[truth.values] whether the history has an event of any type on the item."""
        past = self.queries.history
        return among((self.truth.rows, self.truth.values), (past.rows, past.items))

    def sample(self, n: int, seed: int) -> Asked:
        """At most n of the questions, by chance."""
        if len(self) <= n:
            return self
        rows = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(np.sort(rows))
