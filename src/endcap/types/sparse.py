"""Sparse matrices: sums of what falls on the same place, and the strongest values of each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from endcap.types.arrays import Bools, Int32s, Int64s

Matrix: TypeAlias = sparse.csr_array[Any, tuple[int, int]]
"""Compressed rows, in each no column twice."""

BLOCK = 4_096
"""Rows of a product that are made at once: it bounds the memory."""

Codes: TypeAlias = NDArray[np.integer]


def sums(rows: Codes, columns: Codes, values: NDArray[Any], shape: tuple[int, int]) -> Matrix:
    """At each place the sum of the values given for it; where that is 0, nothing is stored.

    >>> sums(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([2, 3, 0]), (2, 2)).nnz
    1
    """
    matrix: Matrix = sparse.coo_array((values, (rows, columns)), shape=shape).tocsr()
    matrix.eliminate_zeros()
    return matrix


def pack(matrix: Matrix) -> dict[str, NDArray[Any]]:
    """The arrays of a state that hold the matrix: `offsets` [rows + 1], `column`, `value`."""
    offsets, column = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False)
    return {"offsets": offsets, "column": column, "value": matrix.data}


def unpack(state: Mapping[str, NDArray[Any]], columns: int) -> Matrix:
    """The matrix that `pack` made arrays of; it has them in common with the state."""
    values, offsets = state["value"], state["offsets"]
    if len(values) < np.iinfo(np.int32).max:  # else the columns would be copied into 64 bits
        offsets = offsets.astype(np.int32)
    return sparse.csr_array((values, state["column"], offsets), shape=(len(offsets) - 1, columns))


def row_of(matrix: Matrix) -> Int32s:
    """For each stored value, the row it stands in."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))


def products(matrix: Matrix) -> Matrix:
    """[columns, columns] the products of all pairs of columns, those before the row left out.

    >>> products(sparse.csr_array([[1, 2, 0], [0, 1, 0]])).toarray().tolist()
    [[1, 2, 0], [0, 5, 0], [0, 0, 0]]
    """
    across, columns = matrix.T.tocsr(), range(0, matrix.shape[1], BLOCK)
    blocks = [sparse.triu(across[at : at + BLOCK] @ matrix, at, "csr") for at in columns]
    whole: Matrix = sparse.vstack(blocks, format="csr")
    whole.sort_indices()
    return whole


def both_ways(upper: Matrix) -> Matrix:
    """The symmetric matrix of what `products` made, without its diagonal."""
    pairs = sparse.triu(upper, 1, "csr")
    symmetric: Matrix = (pairs + pairs.T).tocsr()
    return symmetric


def strongest(matrix: Matrix, n: int | Int64s) -> Matrix:
    """The `n` largest of the positive values of each row; of equal ones, the first columns.

    n: one number for all rows, or one a row.

    >>> strongest(sparse.csr_array([[1, 3, 2, 2], [0, -1, 0, 4]]), 2).toarray().tolist()
    [[0, 3, 2, 0], [0, 0, 0, 4]]
    """
    kept = are_strongest(matrix, n)
    offsets = np.r_[0, np.cumsum(kept)][matrix.indptr].astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], offsets), matrix.shape)


def are_strongest(matrix: Matrix, n: int | Int64s) -> Bools:
    """[stored values] which of them those are."""
    kept = matrix.data > 0
    # Row by row, since to sort all values takes far longer than to part each row at its edge.
    most = np.broadcast_to(n, matrix.shape[0])
    for row in np.flatnonzero(np.diff(matrix.indptr) > most):
        place = slice(*matrix.indptr[row : row + 2])
        kept[place] &= _among_largest(matrix.data[place], matrix.indices[place], most[row])
    return kept


def _among_largest(values: NDArray[Any], columns: Codes, n: int) -> Bools:
    """[values] whether each is one of the `n` largest. The columns may come in any order."""
    edge = np.partition(values, -n)[-n]
    largest: Bools = values > edge
    equal = np.flatnonzero(values == edge)
    first = equal[np.argsort(columns[equal])]
    largest[first[: n - np.count_nonzero(largest)]] = True
    return largest
