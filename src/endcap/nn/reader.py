"""A network that reads the events of visitors in their order, whatever looks along them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn import networks
from endcap.nn.fusion import Items
from endcap.nn.sequences import GAPS, Batch, alike, query_batch
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Bools, Floats, Int64s, Queries


class Reading(config.Settings):
    """What is read, and by what."""

    dim: int = Field(64, gt=0, description="width of the vectors of items and events")
    length: int = Field(50, gt=1, description="newest events of a visitor that are read")
    network: dict[str, Any] = Field(
        default_factory=dict,
        description="class path of the network, attention without one, and its settings",
    )
    gap: bool = Field(False, description="whether the time to the next event is read too")
    id_dropout: float = Field(
        0.1, ge=0, lt=1, description="share of items told by their content alone in training"
    )
    embedding_dropout: float = Field(0.3, ge=0, lt=1, description="dropout of the events' vectors")
    token_dropout: float = Field(0.0, ge=0, lt=1, description="share of events hidden in training")


class Reader(nn.Module):
    """Events → vectors that the next item's vector should resemble."""

    def __init__(self, settings: Reading, own: Bools, content: Mapping[str, Floats]) -> None:
        """own: [items] which had events to learn from; content: see `endcap.nn.fusion`."""
        super().__init__()
        self.settings = settings
        self.item = Items(own, settings.dim, content, settings.id_dropout)
        self.kind = nn.Embedding(len(EVENT_TYPES), settings.dim)
        self.place = nn.Embedding(settings.length, settings.dim)
        self.gap = nn.Embedding(GAPS, settings.dim)
        for table in (self.kind, self.place, self.gap):
            nn.init.normal_(table.weight, std=settings.dim**-0.5)
        self.body = networks.build(settings.network, settings.dim, "network")

    def forward(self, batch: Batch, items: Tensor) -> Tensor:
        """[batch, length, dim]. items: [batch, length, dim] the vectors of the events' items."""
        out: Tensor = self.body(self._events(batch, items), batch.times)
        return out

    def _events(self, batch: Batch, items: Tensor) -> Tensor:
        """[batch, length, dim] what is told of each event."""
        x = items + self.kind(batch.kinds)
        x = x + self.place.weight[: batch.items.shape[1]]
        if self.settings.gap and batch.gaps is not None:
            x = x + self.gap(batch.gaps)
        x = functional.dropout(x, self.settings.embedding_dropout, self.training)
        if self.training and self.settings.token_dropout:
            x = x * (torch.rand(*x.shape[:2], 1, device=x.device) >= self.settings.token_dropout)
        return x

    def scores(self, vectors: Tensor, queries: Queries) -> Floats:
        """[queries, items]. vectors: [items, dim] of all items."""
        scores: Floats = (self.read(vectors, queries) @ vectors.t()).cpu().numpy()
        return scores

    @torch.no_grad()
    def read(self, vectors: Tensor, queries: Queries) -> Tensor:
        """[queries, dim] what comes next, as a vector like those of the items."""
        lengths = np.minimum(queries.history.lengths, self.settings.length)
        out = torch.empty(len(queries), self.settings.dim, device=vectors.device)
        for rows in alike(lengths):
            out[torch.from_numpy(rows)] = self._read(vectors, queries, rows)
        return out

    def _read(self, vectors: Tensor, queries: Queries, rows: Int64s) -> Tensor:
        """[rows, dim] of some queries."""
        some = Queries.of(queries.users[rows], queries.times[rows], queries.history.take(rows))
        settings = self.settings
        batch = query_batch(some, settings.length, gaps=settings.gap).to(vectors.device)
        events = self._events(batch, functional.embedding(batch.items, vectors))
        return self.body.at(events, batch.times, batch.last)
