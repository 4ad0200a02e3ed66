"""Where an item stands that has no events: from its terms to what a network learned of others."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pyarrow as pa

from endcap.content.labels import packed, unpacked
from endcap.content.telling import Read, Telling
from endcap.types import Bools, Floats, Int64s
from endcap.types.sparse import Matrix

MOST = 2_000
"""Terms that are learned of, the most frequent: a system of so many equations is solved."""

PULL = 0.3
"""How strongly the terms' vectors are drawn to nothing, in items."""

FEW = 3.0
"""Events after which an item's own vector counts half."""

READ = Read()


class Standing:
    """A vector for each term, so that those of an item add up to what a network learned of it: by
    ridge regression, where meta-embeddings take gradient steps (Pan et al., SIGIR 2019).

        red + scarf + brand: acme ≈ the red scarf by Acme, as its visitors have taught

    What is guessed is nearer to the mean than what is learned, and would stand behind it in every
    list; so all guesses are made equally long.
    state: that of `Telling`; `terms` [terms, dim]; `mean` [dim]; `length` [1].
    """

    def __init__(self, state: Any) -> None:
        self.state, self.telling = state, Telling(READ, state)

    @classmethod
    def fit(cls, items: pa.Table, vectors: Floats, events: Int64s, length: float) -> Self:
        """items: their table; vectors: [items, dim] what was learned; events: [items]; length: of
        what is guessed, in means of what was learned."""
        telling, _ = Telling.fit(READ, items)
        kept = np.sort(np.argsort(telling.rarity, kind="stable")[:MOST])
        names = unpacked(telling.names)
        words = packed([names[code] for code in kept])
        own = {"names": words, "rarity": telling.rarity[kept]}
        met = np.flatnonzero(events)
        given = Telling(READ, own).weigh(items)[met].astype(np.float64)
        wanted, mean = vectors[met].astype(np.float64), vectors[met].mean(axis=0)
        weight = events[met] / (events[met] + FEW)
        weighed: Matrix = given.multiply(weight[:, None]).tocsr()
        gram = (weighed.T @ given).toarray() + PULL * np.eye(len(kept))
        terms = np.linalg.solve(gram, weighed.T @ (wanted - mean)).astype(np.float32)
        usual = np.linalg.norm(vectors[met], axis=1).mean(keepdims=True)
        return cls({**own, "terms": terms, "mean": mean, "length": length * usual})

    def __call__(self, items: pa.Table) -> tuple[Floats, Bools]:
        """[items, dim], and of which of them any term is known."""
        given, state = self.telling.weigh(items), self.state
        guess = given @ state["terms"] + state["mean"]
        guess *= state["length"] / np.maximum(np.linalg.norm(guess, axis=1, keepdims=True), 1e-9)
        return np.asarray(guess, np.float32), np.diff(given.indptr) > 0
