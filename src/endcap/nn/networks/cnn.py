"""Causal dilated convolutions: each layer looks twice as far back as the one below it.

As in NextItNet (Yuan et al., WSDM 2019).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.stacked import Size, Stacked


class Settings(Size):
    """The size of the network; by default it sees the last 15 events."""

    layers: int = Field(3, gt=0, description="convolution blocks, one upon the other")
    kernel: int = Field(3, gt=1, description="events that a convolution looks at")


class CNN(Stacked[Settings]):
    """A stack whose layers look at every 1st, 2nd, 4th, … event back."""

    settings_type = Settings
    search = config.space(
        layers=config.Between(2, 5),
        kernel=config.Between(2, 5),
        dropout=config.Between(0.0, 0.6),
    )

    @classmethod
    def layer(cls, settings: Settings, dim: int, place: int) -> nn.Module:
        return Convolve(dim, settings.kernel, 2**place)


class Convolve(nn.Module):
    """A convolution along the events that never looks ahead."""

    def __init__(self, dim: int, kernel: int, step: int) -> None:
        super().__init__()
        self.before = (kernel - 1) * step
        self.layer = nn.Conv1d(dim, dim, kernel, dilation=step)

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x.transpose(1, 2), (self.before, 0))
        out: Tensor = self.layer(padded).transpose(1, 2)
        return out
