"""The network of the deep ranker: a visitor's past and a candidate → how far they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.crosses import Crosses
from endcap.nn.funnel import Heads, log_chances
from endcap.nn.fusion import Content
from endcap.nn.interest import Interest, Past, Said, groups_of
from endcap.tables.catalogue import Catalogue
from endcap.types import Floats, Int64s, Queries, Ranking, spans

AT_ONCE = 16
"""Questions whose candidates pass through the network together: it bounds the memory."""


class Shape(config.Settings):
    """How large the network is."""

    dim: int = Field(16, gt=0, description="width of the vectors of events")
    length: int = Field(20, gt=0, description="newest events of a visitor that are read")
    crosses: int = Field(2, ge=0, description="cross layers: each adds a degree to the products")
    width: int = Field(32, gt=0, description="width of the layer before the heads")
    experts: int = Field(1, gt=0, description="such layers, which the heads mix")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of values dropped in training")


@dataclass(frozen=True)
class Rows:
    """Candidates of questions, sorted by question.

    past: of the questions. groups: [rows, TIES] see `Past`; query: [rows];
    features: [rows, features].
    """

    past: Past
    groups: Tensor
    query: Tensor
    features: Tensor

    @classmethod
    def of(
        cls, queries: Queries, ranking: Ranking, catalogue: Catalogue, features: Floats, length: int
    ) -> Self:
        groups = groups_of(ranking.item, catalogue)
        return cls(
            Past.of(queries, catalogue, length),
            torch.from_numpy(groups.astype(np.int64)),
            torch.from_numpy(ranking.query.astype(np.int64)),
            torch.from_numpy(features),
        )

    @property
    def items(self) -> Tensor:
        """[rows] codes."""
        return self.groups[:, 0] - 1

    def places(self, queries: Int64s) -> Int64s:
        """Where the rows of some questions stand."""
        own = self.query.numpy()
        return spans(np.searchsorted(own, queries), np.searchsorted(own, queries, side="right"))

    def take(self, queries: Int64s) -> Rows:
        """The rows of some questions, in rising order, which count from 0 again."""
        rows, chosen = torch.from_numpy(self.places(queries)), torch.from_numpy(queries)
        query = torch.searchsorted(chosen, self.query[rows])
        return Rows(self.past.take(chosen), self.groups[rows], query, self.features[rows])

    def batches(self) -> Iterator[Rows]:
        """A few questions at a time."""
        questions = np.arange(len(self.past.there))
        for some in np.split(questions, range(AT_ONCE, len(questions), AT_ONCE)):
            yield self.take(some)


class Preference(nn.Module):
    """Rows → [rows, steps] log of the probability that the visitor comes as far as each step.

    features: of a candidate; steps: of the funnel; content: [items, width] by each encoder's name.
    """

    def __init__(
        self, shape: Shape, features: int, steps: int, content: Mapping[str, Floats]
    ) -> None:
        super().__init__()
        self.dropout, hears = shape.dropout, bool(content)
        self.content = Content(content, shape.dim)
        self.interest = Interest(shape.dim, hears=hears)
        size = features + shape.dim * (1 + hears)
        self.crosses = Crosses(size, shape.crosses)
        self.heads = Heads(size, shape.width, shape.experts, steps)

    def forward(self, rows: Rows, settled: Tensor | None = None) -> Tensor:
        """settled: [items, dim] what content says of all items, once it is learned."""
        said = self._said(rows, settled) if self.content.vectors else None
        interest = self.interest(rows.past, rows.groups, rows.query, said)
        told = [rows.features, interest] if said is None else [rows.features, interest, said.items]
        x = self.crosses(torch.cat(told, dim=1))
        return log_chances(self.heads(functional.dropout(x, self.dropout, self.training)))

    def _said(self, rows: Rows, settled: Tensor | None) -> Said:
        events, items = rows.past.items, rows.items
        table, places = self.content.rows(torch.cat([events.flatten(), items]), settled)
        vectors = functional.embedding(places, table)
        return Said(vectors[: events.numel()].view(*events.shape, -1), vectors[events.numel() :])

    @torch.no_grad()
    def read(self, rows: Rows, settled: Tensor | None) -> Tensor:
        """The same for any number of rows."""
        return torch.cat([self(part, settled) for part in rows.batches()])
