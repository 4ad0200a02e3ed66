"""All that is known of an item as one vector: its id, and each kind of content.

    id    ─── table ───────────────┐
    text  ─── project ── × gate ───┼── sum ──▶ [items, dim]
    photo ─── project ── × gate ───┘

What is unknown adds nothing: projections have no biases, and unknown content is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Self

import torch
from torch import Tensor, nn

from endcap.types import Bools, Floats

QUIET = 0.3
"""How long the ids' vectors are to begin with, beside content's 1: what is alike then learns
together, until events say otherwise. On Amazon Beauty it halves the epochs."""

ROWS = 1 << 16
"""Items whose vectors are made at once where all are."""


class Shared(dict[str, Tensor]):
    """Tensors by their names that nothing changes, so that copies need none of their own."""

    def __deepcopy__(self, memo: object) -> Self:
        return self


class Content(nn.Module):
    """The content of items in the space of a network: projections, and learned gates.

    vectors: by the name of each kind of content, [items, width] what an encoder says. They are
    no weights: nothing changes them, and copies of the network share them.
    """

    def __init__(self, vectors: Mapping[str, Floats], dim: int) -> None:
        super().__init__()
        self.vectors = Shared((name, torch.from_numpy(one)) for name, one in vectors.items())
        self.project, self.gate = nn.ModuleDict(), nn.ParameterDict()
        for name, array in vectors.items():
            project = nn.Linear(array.shape[1], dim, bias=False)
            nn.init.orthogonal_(project.weight)  # what was alike stays alike
            self.project[name] = project
            self.gate[name] = nn.Parameter(torch.ones(dim))

    @property
    def told(self) -> Tensor | None:
        """[items] of which items anything is known; None where there is no content."""
        known = [table.any(1) for table in self.vectors.values()]
        return torch.stack(known).any(0) if known else None

    def forward(self, items: Tensor | None = None) -> Tensor:
        """[n, dim] of some items, of all where None. There must be some content."""
        if items is None:
            return self._mixed(self.vectors)
        return self._mixed({name: one[items.cpu()] for name, one in self.vectors.items()})

    @torch.no_grad()
    def of(self, said: Mapping[str, Floats]) -> Tensor:
        """[n, dim] of any items. said: [n, width] by each encoder, by their names."""
        return self._mixed({name: torch.from_numpy(one) for name, one in said.items()})

    @torch.no_grad()
    def settled(self) -> Tensor | None:
        """[items, dim] of all items, once nothing is learned any more; None without content."""
        return self() if self.vectors else None

    def rows(self, items: Tensor, settled: Tensor | None) -> tuple[Tensor, Tensor]:
        """A table of vectors, and the row of each item in it.

        settled: [items, dim] of all items, once nothing is learned any more; None before.
        """
        if settled is not None:
            return settled, items
        some, rows = torch.unique(items, return_inverse=True)
        return self(some), rows

    def _mixed(self, vectors: Mapping[str, Tensor]) -> Tensor:
        return reduce(torch.add, (self._part(name, one) for name, one in vectors.items()))

    def _part(self, name: str, vectors: Tensor) -> Tensor:
        gate: Tensor = self.gate[name]
        projected: Tensor = self.project[name](vectors.to(gate.device))
        return projected * gate


class Items(nn.Module):
    """The vectors of all items.

    weight: [items, dim] of their ids. own: [items] whether an id counts; that of an item without
    events would say nothing but how it began, so where there is content, content speaks alone.
    hidden: share of the ids that are left out at each step of training, so that content learns to
    do so (Volkovs et al., "DropoutNet", NeurIPS 2017).
    """

    own: Tensor

    def __init__(
        self, own: Bools, dim: int, content: Mapping[str, Floats], hidden: float = 0.0
    ) -> None:
        """own: [items] whether an item had events to learn from."""
        super().__init__()
        self.content, self.hidden = Content(content, dim), hidden
        self.told = self.content.told
        scale = dim**-0.5 * (1 if self.told is None else QUIET)
        self.weight = nn.Parameter(torch.randn(len(own), dim) * scale)
        met = torch.from_numpy(own.copy())
        self.register_buffer("own", met if self.told is None else met | ~self.told)

    @property
    def held(self) -> Bools | None:
        """[items] against which a right item is to be held; None for all.

        Not those that content alone speaks for: they are never right, and were they always wrong,
        content would learn to tell who has no events, and to keep them down. A tenth of Amazon
        Beauty that had no events was found three times as often without.
        """
        own: Bools = self.own.cpu().numpy()
        return None if self.told is None or own.all() else own

    def forward(self, items: Tensor | None = None) -> Tensor:
        """[n, dim] of some items, of all where None."""
        if self.told is None:
            return self.weight if items is None else self.weight[items]
        if items is None and not torch.is_grad_enabled():
            return self._all()
        own, ids = (one if items is None else one[items] for one in (self.own, self.weight))
        if self.training and self.hidden:
            told = (self.told if items is None else self.told[items.cpu()]).to(own.device)
            own = own & ~(told & (torch.rand(len(own), device=own.device) < self.hidden))
        vectors: Tensor = ids * own[:, None] + self.content(items)
        return vectors

    def _all(self) -> Tensor:
        """[items, dim] some at a time, for the memory: nothing is learned from them."""
        vectors = torch.empty_like(self.weight)
        for first in range(0, len(vectors), ROWS):
            some = torch.arange(first, min(first + ROWS, len(vectors)), device=vectors.device)
            vectors[some] = self(some)
        return vectors
