"""From one kind of vectors to another: what a photo of a visitor says in the words of products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from endcap.types import Floats


@dataclass(frozen=True)
class Bridge:
    """A linear map learned from pairs, by least squares with a pull towards what is known without.

        photos that people took  ──▶  pictures, or descriptions, of the products on them
        content of items         ──▶  what a model learned of them from visitors

    weights: [from, to]; mean, target: [from], [to] the means of both sides.
    """

    weights: Floats
    mean: Floats
    target: Floats

    @classmethod
    def fit(cls, given: Floats, wanted: Floats, pull: float = 1.0, *, alike: bool = False) -> Self:
        """given: [pairs, from]; wanted: [pairs, to].

        pull: how strongly the weights are drawn to zero, by the mean variance of a pair's side.
        alike: both sides say the same by the same numbers, so that a vector stands for itself as
            far as pairs do not teach another: the weights are drawn to the identity.

        >>> Bridge.fit(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), 1e-9)(
        ...     np.eye(3, dtype=np.float32)
        ... ).argmax(axis=1)
        array([0, 1, 2])
        """
        mean, target = given.mean(axis=0), wanted.mean(axis=0)
        left, right = (given - mean).astype(np.float64), (wanted - target).astype(np.float64)
        start = np.eye(left.shape[1]) if alike else np.zeros((left.shape[1], right.shape[1]))
        right -= left @ start
        # The smaller of the two Gram matrices says the same.
        wide = left.shape[1] > left.shape[0]
        gram = left @ left.T if wide else left.T @ left
        size = np.trace(gram) / max(1, min(left.shape))
        gram[np.diag_indices_from(gram)] += pull * max(float(size), 1e-12)
        weights = (
            left.T @ np.linalg.solve(gram, right) if wide else np.linalg.solve(gram, left.T @ right)
        )
        return cls((start + weights).astype(np.float32), mean, target)

    def __call__(self, vectors: Floats) -> Floats:
        """[rows, to]"""
        return np.asarray((vectors - self.mean) @ self.weights + self.target, np.float32)
