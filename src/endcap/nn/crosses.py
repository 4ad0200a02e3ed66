"""Cross layers: products of features, one degree more with each layer."""

from __future__ import annotations

from torch import Tensor, nn


class Crosses(nn.Module):
    """DCN-V2 (Wang et al., WWW 2021): x ← x₀ · (W x + b) + x. (rows, dim) → (rows, dim)."""

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        first = x
        for layer in self.layers:
            x = first * layer(x) + x
        return x
