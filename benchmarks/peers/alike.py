"""Batches of sequences that are about as long as each other, for runs that judge a peer to its end.

A peer pads all sequences to the full length, of which most of Beauty's have a tenth. Where what
pads is masked, a step computes the same without it, in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

from benchmarks.peers.curve import SEED

NEAR = 50
"""Batches that are drawn at random together, and sorted by length among themselves."""


class Alike(Sampler[list[int]]):
    """The rows of each batch, anew for each epoch."""

    def __init__(self, lengths: NDArray[np.int64], batch: int) -> None:
        self.lengths, self.batch = lengths, batch
        self.random = np.random.default_rng(SEED)

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        order = self.random.permutation(len(self.lengths))
        starts = range(0, len(order), NEAR * self.batch)
        batches = [one for start in starts for one in self._near(order[start:][: starts.step])]
        self.random.shuffle(batches)
        yield from batches

    def _near(self, rows: NDArray[np.int64]) -> Iterator[list[int]]:
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        for start in range(0, len(rows), self.batch):
            yield rows[start : start + self.batch].tolist()


def longest(sequences: torch.Tensor) -> int:
    """Of [rows, length] codes, which 0 pads."""
    return int((sequences != 0).sum(dim=1).max())
