"""A linear model between all pairs of items, solved in one step.

For catalogues of up to some ten thousand items that are taken often: memory grows with the square
of the items that take part, time with their cube.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse
from scipy.linalg import lapack

from endcap import config
from endcap.errors import TrainingError
from endcap.nn.interactions import ONE, interactions
from endcap.nn.votes import Votes, Voting
from endcap.stages import Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats
from endcap.types.sparse import Matrix, pack, row_of, strongest, sums, unpack

BLOCK = 256
"""Rows of the solution that are looked at once: it bounds the memory."""


class Settings(Votes):
    """Who takes part, and how far few events are trusted."""

    items: int = Field(
        12_000, gt=0, description="most frequent items that take part; 12,000 of them need 0.8 GB"
    )
    regularization: float = Field(100.0, gt=0, description="pull of the weights towards 0")
    keep: int = Field(300, gt=0, description="weights that are kept of each item")
    most: int = Field(500, gt=0, description="different items of a visitor that count, the first")


class EASE(Voting[Settings]):
    """What each item says for each other one, so that together they tell best what a visitor has.

    Steck, WWW 2019. A visitor's value for an item is the weight of their strongest event. Of the
    weights, only the largest positive ones are kept: on Amazon Beauty the lists are no worse.
    state: the weights as a packed matrix [items, items]; an item that took no part has none.
    """

    settings_type = Settings
    search = config.space(
        regularization=config.Between(5.0, 2_000.0, log=True),
        history=config.Choice(10, 20, 50, 100, 200),
        recency=config.Between(0.4, 1.0),
    )

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        size = len(dataset.catalogue)
        taken = interactions(dataset.history, dataset.kind_weights, settings.most, size)
        often = np.argsort(-np.bincount(taken.indices, minlength=size), kind="stable")
        part = np.sort(often[: settings.items])
        run.report(f"EASE: solving for {len(part)} items", 0.1)
        inverse = _invert(_gram(taken[:, part], settings.regularization))
        run.report("EASE: keeping the strongest", 0.9)
        weights = _weights(inverse, settings.keep)
        rows, columns = part[row_of(weights)], part[weights.indices]
        return cls(settings, pack(sums(rows, columns, weights.data, (size, size))))

    @cached_property
    def similarity(self) -> Matrix:
        """[items, items] how much a row's item speaks for each column's."""
        return unpack(self.state, len(self.state["offsets"]) - 1)


def _gram(taken: Matrix, regularization: float) -> Floats:
    """[items, items] the products of the items as vectors of visitors, more on the diagonal."""
    values = taken.astype(np.float32)
    values.data /= ONE
    gram: Floats = (values.T @ values).toarray(order="F")
    gram[np.diag_indices(len(gram))] += regularization
    return gram


def _invert(gram: Floats) -> Floats:
    """The lower half of the inverse, in the memory of the matrix: there may be no room for two."""
    factor, failed = lapack.spotrf(gram, lower=True, clean=False, overwrite_a=True)
    if failed:
        raise TrainingError(
            "EASE cannot be solved in single precision", mend="Raise `regularization`"
        )
    inverse: Floats = lapack.spotri(factor, lower=True, overwrite_c=True)[0]
    return inverse


def _weights(inverse: Floats, keep: int) -> Matrix:
    """[items, items] the largest of −P[i, j] / P[j, j], for the inverse P."""
    diagonal, blocks = np.diagonal(inverse), []
    for start in range(0, len(inverse), BLOCK):
        rows = _rows(inverse, start, start + BLOCK) / -diagonal
        blocks.append(strongest(sparse.csr_array(np.maximum(rows, 0)), keep))
    weights: Matrix = sparse.vstack(blocks, format="csr")
    return weights


def _rows(lower: Floats, start: int, stop: int) -> Floats:
    """Some rows of the symmetric matrix whose lower half is given."""
    corner = np.tril(lower[start:stop, start:stop])
    corner += np.tril(corner, -1).T
    return np.concatenate([lower[start:stop, :start], corner, lower[stop:, start:stop].T], axis=1)
