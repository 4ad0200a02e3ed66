"""How vectors are multiplied roughly: as whole numbers of 8 bits, or as they are.

One question is answered as fast as the vectors come out of memory, and many as fast as they are
multiplied. Whole numbers of 8 bits are a quarter of the memory, and a processor that has an
instruction for them multiplies them many times as fast; one that has none, many times as slowly.
So the first block that is to be multiplied says which.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from copy import copy
from functools import cache
from typing import Self

import numpy as np
import torch
from torch import Tensor

from endcap.nn.products import multiply, products
from endcap.types import Floats, Int64s
from endcap.types.state import State

STEPS = 127
"""Of the whole numbers, to each side of 0."""

ROWS = 1 << 16
"""Vectors that are made whole at once: it bounds the memory."""

TRIED = (1 << 12, 64, 8)
"""Items, numbers of each, and questions that are multiplied to see what is faster."""

TIMES = 5
"""How often: the fastest counts, as other work on the machine only slows."""


class Rough(ABC):
    """vectors: [items, dim] as they are multiplied. length: of the longest."""

    vectors: Tensor
    length: float

    @property
    @abstractmethod
    def arrays(self) -> State:
        """What `known` makes the same one of."""

    @abstractmethod
    def changed(self, vectors: Tensor, rows: Tensor) -> Rough:
        """The same over vectors of which these rows are others, or new behind all that were."""

    @abstractmethod
    def asked(self, read: Tensor) -> tuple[Tensor, Floats | Int64s]:
        """[Q, dim] what is read as it is multiplied, and [Q] twice what a product may be wrong by,
        as the n-th best may be so too."""


class Whole(Rough):
    """unit: of a step. rest: the most that a vector differs from what is multiplied."""

    def __init__(self, vectors: Tensor) -> None:
        self.unit = max(_reach(vectors), 1e-15) / STEPS
        self.vectors = torch.empty(vectors.shape, dtype=torch.int8)
        self.length = self.rest = 0.0
        for first in range(0, len(vectors), ROWS):
            some, whole = (all_[first : first + ROWS] for all_ in (vectors, self.vectors))
            whole.copy_((some / self.unit).round())
            self._measure(some, whole)

    def _measure(self, vectors: Tensor, whole: Tensor) -> None:
        self.length = max(self.length, _longest(vectors))
        self.rest = max(self.rest, _longest(vectors - whole * self.unit))

    @property
    def arrays(self) -> State:
        sizes = np.array([self.unit, self.length, self.rest])
        return {"whole": self.vectors.numpy(), "sizes": sizes}

    @classmethod
    def of(cls, arrays: State) -> Self:
        """What has these arrays."""
        found = cls.__new__(cls)
        found.vectors = torch.from_numpy(arrays["whole"])
        found.unit, found.length, found.rest = arrays["sizes"].tolist()
        return found

    def changed(self, vectors: Tensor, rows: Tensor) -> Whole:
        new = vectors[rows]
        if _reach(new) > STEPS * self.unit:
            return Whole(vectors)  # the steps would not reach that far
        whole = (new / self.unit).round().to(torch.int8)
        found, more = copy(self), len(vectors) - len(self.vectors)
        found.vectors = torch.cat([self.vectors, whole.new_zeros(more, vectors.shape[1])])
        found.vectors[rows] = whole
        found._measure(new, whole)
        return found

    def asked(self, read: Tensor) -> tuple[Tensor, Int64s]:
        """|q·v − q'·v'| ≤ |q − q'| |v| + |q'| |v − v'|, in steps."""
        values = read.numpy()  # of so few numbers torch takes four times as long
        unit = np.maximum(np.abs(values).max(1, keepdims=True), 1e-15) / STEPS
        whole = np.rint(values / unit)
        rough = whole * unit
        off, far = (np.linalg.norm(each, axis=1) for each in (values - rough, rough))
        wrong = off * self.length + far * self.rest
        steps = 2 * wrong / (unit[:, 0] * self.unit)
        asked = torch.from_numpy(whole.astype(np.int8))
        return asked, np.ceil(1.001 * steps + 1).astype(np.int64)


class Full(Rough):
    """Vectors as they are. A product is wrong by no more than what its order of adding makes."""

    def __init__(self, vectors: Tensor, length: float | None = None) -> None:
        self.vectors = vectors
        self.length = _longest(vectors) if length is None else length

    @property
    def arrays(self) -> State:
        return {"length": np.array(self.length)}

    def changed(self, vectors: Tensor, rows: Tensor) -> Full:
        return Full(vectors, max(self.length, _longest(vectors[rows])))

    def asked(self, read: Tensor) -> tuple[Tensor, Floats]:
        """|Σ q v − the same in another order| ≤ 2 dim ε |q| |v|."""
        share = 4 * read.shape[1] * torch.finfo(torch.float32).eps
        slack: Floats = (share * self.length * read.norm(dim=1)).numpy()
        return read, slack


def faster(vectors: Tensor) -> Rough:
    """What is multiplied faster here."""
    return Whole(vectors) if whole_is_faster() else Full(vectors)


def known(vectors: Tensor, arrays: State) -> Rough:
    """That of which these are the arrays."""
    return Whole.of(arrays) if "whole" in arrays else Full(vectors, float(arrays["length"]))


@cache
def whole_is_faster() -> bool:
    """Whether this processor multiplies vectors faster in whole numbers."""
    items, dim, count = TRIED
    return _took(items, dim, count, torch.int8) < _took(items, dim, count, torch.float32)


def _took(items: int, dim: int, count: int, kind: torch.dtype) -> float:
    """Seconds for products of vectors of such numbers."""
    vectors, asked = torch.ones(items, dim, dtype=kind), torch.ones(count, dim, dtype=kind)
    out, took = products(items, count, kind), np.inf
    for _ in range(TIMES):
        began = time.perf_counter()
        multiply(vectors, asked, out)
        took = min(took, time.perf_counter() - began)
    return took


def _reach(vectors: Tensor) -> float:
    """How far from 0 the numbers reach; of no vectors, 0."""
    if not len(vectors):
        return 0.0
    low, high = vectors.aminmax()
    return max(-float(low), float(high))


def _longest(vectors: Tensor) -> float:
    """Of no vectors, 0."""
    return float(vectors.norm(dim=1).max()) if len(vectors) else 0.0
