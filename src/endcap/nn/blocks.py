"""What networks are stacked of: a layer that looks along the events, then one that does not.

The networks differ in the first alone (Yu et al., "MetaFormer", CVPR 2022). Both are
pre-normalised (Xiong et al., ICML 2020).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Stack(nn.Module):
    """A block for each layer, one upon the other.

    layers: modules of (batch, length, dim) → (batch, length, dim), causal.
    gated: whether the sum of each block is gated as in LiGR (Borisyuk et al., arXiv 2502.03417).
    """

    def __init__(
        self, layers: Iterable[nn.Module], dim: int, dropout: float, *, gated: bool = False
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for layer in layers:
            self.blocks.append(Added(layer, dim, dropout, gated))
            self.blocks.append(Added(SwiGLU(dim), dim, dropout, gated))
        self.norm = nn.RMSNorm(dim)

    def forward(self, x: Tensor, *along: Tensor) -> Tensor:
        """along: what the layers that look along the events need beside x."""
        return self._end(self._begin(x, along))

    def at(self, x: Tensor, last: Tensor, *along: Tensor) -> Tensor:
        """[batch, dim] the same at one event of each row: what does not look along the events
        need not go through the others for it. last: [batch] which."""
        return self._end(chosen(self._begin(x, along), last))

    def _begin(self, x: Tensor, along: tuple[Tensor, ...]) -> Tensor:
        """As far as anything looks along the events."""
        for place, block in enumerate(self.blocks[:-1]):
            x = block(x) if place % 2 else block(x, *along)
        return x

    def _end(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.blocks[-1](x))
        return normed


def chosen(x: Tensor, last: Tensor) -> Tensor:
    """[batch, dim] one event of each row. x: [batch, length, dim]; last: [batch] which."""
    return x[torch.arange(len(last), device=x.device), last]


class Added(nn.Module):
    """A layer whose result is added to what came in, perhaps through a gate.

    It is scaled by learned factors that begin at 0 (Bachlechner et al., "ReZero", UAI 2021), so
    that a network begins with the newest event alone and no layer drowns it: all networks
    learn faster, and convolutions and filters hardly learn without.
    """

    def __init__(self, layer: nn.Module, dim: int, dropout: float, gated: bool) -> None:
        super().__init__()
        self.layer, self.dropout = layer, dropout
        self.norm = nn.RMSNorm(dim)
        self.scale = nn.Parameter(torch.zeros(dim))
        self.gate = nn.Linear(dim, dim) if gated else None

    def forward(self, x: Tensor, *along: Tensor) -> Tensor:
        out = self.layer(self.norm(x), *along) * self.scale
        out = functional.dropout(out, self.dropout, self.training)
        return x + (out if self.gate is None else out * torch.sigmoid(self.gate(x)))


class SwiGLU(nn.Module):
    """The feed-forward layer of Shazeer (arXiv 2002.05202), twice as wide inside."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(dim, 4 * dim, bias=False)
        self.down = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        out: Tensor = self.down(functional.silu(gate) * up)
        return out


class Recurrence(nn.Module):
    """What a recurrent layer says after each event."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)[0]
        return out
