"""Target attention: which of the visitor's events speak for a candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from endcap.nn.sequences import GAPS, gap_buckets
from endcap.tables.catalogue import Catalogue
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Queries

TIES = 4
"""What an event and a candidate may have in common: item, category, department, brand."""


@dataclass(frozen=True)
class Past:
    """The newest events of visitors, with padding on the right.

    groups: [queries, length, TIES] the codes of item, category, department and brand, from 1;
        0 where there is none.
    kinds: [queries, length]; ages: [queries, length] buckets of the time up to the question.
    there: [queries, length] False where there is padding.
    """

    groups: Tensor
    kinds: Tensor
    ages: Tensor
    there: Tensor

    @classmethod
    def of(cls, queries: Queries, catalogue: Catalogue, length: int) -> Past:
        last = queries.history.last(length)
        there = torch.from_numpy(np.arange(length) < last.lengths[:, None])
        ages = gap_buckets(queries.times[last.rows] - last.times)
        groups = groups_of(last.items, catalogue)
        return cls(_padded(there, groups), _padded(there, last.kinds), _padded(there, ages), there)

    @property
    def items(self) -> Tensor:
        """[queries, length] codes, any where there is padding."""
        return (self.groups[..., 0] - 1).clamp(min=0)

    def take(self, queries: Tensor) -> Past:
        return Past(*(column[queries] for column in vars(self).values()))


def groups_of(items: np.ndarray, catalogue: Catalogue) -> np.ndarray:
    """[items, TIES] what the items are: see `Past`."""
    columns = (catalogue.category, catalogue.department, catalogue.brand)
    return np.stack([items + 1, *(column[items] for column in columns)], axis=1)


def _padded(there: Tensor, values: np.ndarray) -> Tensor:
    """[queries, length, …] the values where an event stands, 0 elsewhere."""
    column = torch.zeros((*there.shape, *values.shape[1:]), dtype=torch.int64)
    column[there] = torch.from_numpy(values.astype(np.int64))
    return column


@dataclass(frozen=True)
class Said:
    """What content says. events: [queries, length, dim] of their items; items: [rows, dim] of the
    candidates."""

    events: Tensor
    items: Tensor


class Interest(nn.Module):
    """DIN (Zhou et al., KDD 2018): the sum of the visitor's events, each weighed by a small
    network that sees the event, and what it has in common with the candidate.

    An event is its type, its age and what content says of its item, and is tied to a candidate by
    item, category, department and brand, and by what content says of both. Items have no vectors
    of their own: from some thousand questions they would learn answers by heart, and an item that
    is new would have none.
    """

    def __init__(self, dim: int, *, hears: bool) -> None:
        """hears: whether there is content."""
        super().__init__()
        self.kind = nn.Embedding(len(EVENT_TYPES), dim)
        self.age = nn.Embedding(GAPS, dim)
        for table in (self.kind, self.age):
            nn.init.normal_(table.weight, std=dim**-0.5)
        self.event = nn.Linear(dim, dim)
        self.tie = nn.Linear(TIES, dim, bias=False)
        self.weight = nn.Linear(dim, 1)
        self.alike = nn.Linear(dim, dim, bias=False) if hears else None

    def forward(self, past: Past, groups: Tensor, query: Tensor, said: Said | None) -> Tensor:
        """[rows, dim]

        groups: [rows, TIES] of the candidates; query: [rows] whose candidate each is.
        """
        event = self.kind(past.kinds) + self.age(past.ages)
        tied = (past.groups[query] == groups[:, None]) & (groups[:, None] > 0)
        seen = self.tie(tied.to(event.dtype))
        if said is not None and self.alike is not None:
            event = event + said.events
            seen = seen + self.alike(said.events[query] * said.items[:, None])
        seen = seen + self.event(event)[query]
        weight = self.weight(functional.silu(seen)) * past.there[query, :, None]
        interest: Tensor = (weight.transpose(1, 2) @ event[query]).squeeze(1)
        return interest
