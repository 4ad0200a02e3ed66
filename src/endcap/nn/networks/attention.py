"""Causal self-attention: each event looks at itself and at what came before.

Pre-normalised blocks (Xiong et al., ICML 2020) with a SwiGLU feed-forward (Shazeer,
arXiv 2002.05202), used for next-item prediction as in SASRec (Kang & McAuley, ICDM 2018).
"""

from __future__ import annotations

from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.errors import ConfigError


class Settings(config.Settings):
    """The size of the network."""

    layers: int = Field(2, gt=0, description="attention blocks, one upon the other")
    heads: int = Field(2, gt=0, description="heads of each block; they must divide the width")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of values dropped in training")


class Attention(nn.Module):
    """(batch, length, dim) → (batch, length, dim)."""

    def __init__(self, settings: Settings, dim: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(settings, dim) for _ in range(settings.layers))
        self.norm = nn.RMSNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        normed: Tensor = self.norm(x)
        return normed


class Block(nn.Module):
    """Attention, then feed-forward, each added to what came in."""

    def __init__(self, settings: Settings, dim: int) -> None:
        super().__init__()
        self.heads = settings.heads
        self.dropout = settings.dropout
        self.attention_norm, self.feed_norm = nn.RMSNorm(dim), nn.RMSNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.gate_up = nn.Linear(dim, 4 * dim, bias=False)
        self.down = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._drop(self._attend(self.attention_norm(x)))
        return x + self._drop(self._feed(self.feed_norm(x)))

    def _attend(self, x: Tensor) -> Tensor:
        batch, length, dim = x.shape
        # (batch, length, 3·dim) → 3 of (batch, heads, length, dim / heads)
        qkv = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            qkv[0], qkv[1], qkv[2], is_causal=True, dropout_p=self.dropout * self.training
        )
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, dim))
        return out

    def _feed(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        out: Tensor = self.down(functional.silu(gate) * up)
        return out

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def build(dim: int, **settings: object) -> nn.Module:
    """The network for events of `dim` numbers. Raises ConfigError."""
    try:
        checked = Settings.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(config.explain(error, "network", Settings)) from error
    if dim % checked.heads:
        raise ConfigError(f"heads = {checked.heads} does not divide dim = {dim}")
    return Attention(checked, dim)
