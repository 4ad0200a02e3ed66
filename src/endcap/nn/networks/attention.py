"""Causal self-attention: each event looks at itself and at what came before.

Used for next-item prediction as in SASRec (Kang & McAuley, ICDM 2018), in the blocks of
LiGR and eSASRec (Tikhonovich et al., RecSys 2025).
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.blocks import Stack
from endcap.nn.networks import Network

PLACES = 64
"""Distances in events that have a bias of their own; all larger ones share the last."""

AGES = 24
"""Buckets of the time between two events, each twice the last: minutes to 16 years."""


class Settings(config.Settings):
    """The size of the network, and what its attention knows of distances."""

    layers: int = Field(2, gt=0, description="attention blocks, one upon the other")
    heads: int = Field(2, gt=0, description="heads of each block; they must divide the width")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of values dropped in training")
    gated: bool = Field(False, description="whether what a block adds passes a learned gate")
    place_bias: bool = Field(False, description="whether attention knows how many events ago")
    time_bias: bool = Field(False, description="whether attention knows how long ago")


class Attention(Network):
    """A stack whose layers attend; the biases are those of all of them."""

    settings_type = Settings
    search = config.space(
        layers=config.Between(1, 3),
        heads=config.Choice(1, 2, 4),
        dropout=config.Between(0.0, 0.6),
        gated=config.Choice(False, True),
        place_bias=config.Choice(False, True),
        time_bias=config.Choice(False, True),
    )

    def __init__(self, settings: Settings, dim: int) -> None:
        super().__init__()
        if dim % settings.heads:
            raise ValueError(f"heads = {settings.heads} does not divide dim = {dim}")
        layers = (Attend(dim, settings.heads, settings.dropout) for _ in range(settings.layers))
        self.stack = Stack(layers, dim, settings.dropout, gated=settings.gated)
        self.places = _biases(PLACES, settings.heads) if settings.place_bias else None
        self.ages = _biases(AGES, settings.heads) if settings.time_bias else None

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        out: Tensor = self.stack(x, *self._bias(times))
        return out

    def at(self, x: Tensor, times: Tensor, last: Tensor) -> Tensor:
        return self.stack.at(x, last, *self._bias(times))

    def _bias(self, times: Tensor) -> tuple[Tensor, ...]:
        """[heads, length, length], or so for each row: added to the scores, −inf ahead. Nothing
        where attention knows of no distances."""
        if self.places is None and self.ages is None:
            return ()
        place = torch.arange(times.shape[1], device=times.device)
        apart = place[:, None] - place
        bias = torch.zeros(apart.shape, device=times.device).masked_fill(apart < 0, -torch.inf)
        if self.places is not None:
            bias = bias + self.places(apart.clamp(0, PLACES - 1)).permute(2, 0, 1)
        if self.ages is not None:
            age = (times[:, :, None] - times[:, None, :]).clamp(min=0)
            bucket = torch.log2(1.0 + age).long().clamp(max=AGES - 1)
            bias = bias + self.ages(bucket).permute(0, 3, 1, 2)
        return (bias,)


def _biases(buckets: int, heads: int) -> nn.Embedding:
    """[buckets, heads], no bias to begin with."""
    table = nn.Embedding(buckets, heads)
    nn.init.zeros_(table.weight)
    return table


class Attend(nn.Module):
    """Attention of several heads."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        batch, length, dim = x.shape
        # (batch, length, 3·dim) → 3 of (batch, heads, length, dim / heads)
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            q, k, v, bias, is_causal=bias is None, dropout_p=self.dropout * self.training
        )
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, dim))
        return out
