"""Two networks, one for visitors and one for items, whose vectors meet in a product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap.nn.fitting import Training
from endcap.nn.fusion import Content
from endcap.nn.pooling import pooled, shares
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Floats, History, Int64s, Queries

BLOCK = 1 << 16
"""Items that run through their tower at once."""


class Shape(Training):
    """The towers, and how they learn."""

    dim: int = Field(64, gt=0, description="width of the vectors of visitors and items")
    hidden: int = Field(128, gt=0, description="width of the dense layer of each tower")
    temperature: float = Field(
        0.1, gt=0, description="divides the scores, which reach from -1 to 1"
    )
    own_dropout: float = Field(
        0.1, ge=0, lt=1, description="share of items that are told by their attributes alone"
    )


@dataclass(frozen=True)
class ItemFeatures:
    """What the towers are told of items.

    codes: [items, columns] the rows of their tables that hold each item's own vector and those of
        its attributes.
    said: [items, dim] what its content says; None where there is none, or while that is learned.
    """

    codes: Int64s
    said: Tensor | None = None

    def joined(self, other: ItemFeatures) -> Self:
        """With further items, whose codes follow."""
        both = None
        if self.said is not None and other.said is not None:
            both = torch.cat([self.said, other.said])
        return type(self)(np.concatenate([self.codes, other.codes]), both)


class Towers(nn.Module):
    """past, item: vectors of an item's own and of its attributes, added up to describe it: one
    table for the items of a past, one for those that may be answered. The last row of each stands
    for whatever has none, and adds nothing. fused: what encoders say, which is added to both.
    """

    kinds: Tensor

    def __init__(
        self, shape: Shape, size: int, kinds: Floats, content: Mapping[str, Floats]
    ) -> None:
        """size: rows of a table without the last. kinds: [event types] how much one of each says.
        content: by each encoder's name, [items, width]."""
        super().__init__()
        self.shape, dim = shape, shape.dim
        self.past, self.item = (nn.Embedding(size + 1, dim, padding_idx=size) for _ in range(2))
        self.kind = nn.Embedding(len(EVENT_TYPES), dim)
        for table in (self.past, self.item, self.kind):
            nn.init.normal_(table.weight, std=dim**-0.5)
        self.forget(np.array([size]))
        self.fused = Content(content, dim)
        self.visitor_tower, self.item_tower = _tower(shape), _tower(shape)
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))

    def visitors(self, past: History, features: ItemFeatures) -> Tensor:
        """[rows, dim] of length 1 / temperature."""
        share = shares(past, self.shape.recency, self.kinds)
        x = pooled(self.kind.weight, past, past.kinds, share)
        for column in features.codes.T:
            x = x + pooled(self.past.weight, past, column[past.items], share)
        if self.fused.vectors:
            said, rows = self.fused.rows(torch.from_numpy(past.items), features.said)
            x = x + pooled(said, past, rows.numpy(), share)
        x = x + self.visitor_tower(x)
        return functional.normalize(x) / self.shape.temperature

    def items(self, codes: Tensor, said: Tensor | None) -> Tensor:
        """[n, dim] of length 1. codes: [n, columns], said: [n, dim], as in `ItemFeatures`."""
        parts = self.item(codes)
        if self.training:
            kept = torch.rand(len(codes), 1) >= self.shape.own_dropout
            parts = torch.cat([parts[:, :1] * kept[:, :, None], parts[:, 1:]], dim=1)
        x = parts.sum(1) if said is None else parts.sum(1) + said
        return functional.normalize(x + self.item_tower(x))

    def said(self, items: Tensor) -> Tensor | None:
        """[n, dim] what content says of some items, where there is any."""
        return self.fused(items) if self.fused.vectors else None

    def features(self, codes: Int64s) -> ItemFeatures:
        """All items, of which nothing more is learned."""
        return ItemFeatures(codes, self.fused.settled())

    @torch.no_grad()
    def vectors(self, features: ItemFeatures) -> Tensor:
        """[items, dim]"""
        codes = torch.from_numpy(features.codes)
        blocks = [slice(first, first + BLOCK) for first in range(0, max(1, len(codes)), BLOCK)]
        told = ((codes[b], None if features.said is None else features.said[b]) for b in blocks)
        return torch.cat([self.items(*one) for one in told])

    @torch.no_grad()
    def read(self, features: ItemFeatures, queries: Queries) -> Floats:
        """[queries, dim]"""
        past = queries.history.last(self.shape.history)
        return np.asarray(self.visitors(past, features).numpy())

    @torch.no_grad()
    def forget(self, rows: Int64s) -> None:
        """Leave rows nothing of their own, which would be chance."""
        for table in (self.past, self.item):
            table.weight[torch.from_numpy(rows)] = 0


def _tower(shape: Shape) -> nn.Module:
    return nn.Sequential(
        nn.Linear(shape.dim, shape.hidden),
        nn.ReLU(),
        nn.Linear(shape.hidden, shape.dim),
    )
