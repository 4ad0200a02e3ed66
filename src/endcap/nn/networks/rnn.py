"""A plain recurrent network (Elman, 1990): the last state and the event make the next state."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.nn.blocks import Recurrence, Stack
from endcap.nn.networks import Network


class Settings(config.Settings):
    """The size of the network."""

    layers: int = Field(1, gt=0, description="recurrent blocks, one upon the other")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of values dropped in training")


class RNN(Network):
    """A stack whose layers remember."""

    settings_type = Settings
    search = config.space(layers=config.Between(1, 3), dropout=config.Between(0.0, 0.6))

    def __init__(self, settings: Settings, dim: int) -> None:
        super().__init__()
        layers = (nn.RNN(dim, dim, batch_first=True) for _ in range(settings.layers))
        self.stack = Stack(map(Recurrence, layers), dim, settings.dropout)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        out: Tensor = self.stack(x)
        return out
