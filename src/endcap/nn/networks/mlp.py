"""Nothing but linear layers: along the events, each number passes a learned filter.

FMLP-Rec (Zhou et al., WWW 2022) filters in the frequency domain, which is a convolution that
wraps round the end of the sequence. Here the same filter is written in time, where it can be
kept from looking ahead.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.nn.stacked import Size, Stacked


class Settings(Size):
    """The size of the network."""

    layers: int = Field(2, gt=0, description="filter blocks, one upon the other")
    reach: int = Field(50, gt=0, description="newest events that a filter weighs")


class MLP(Stacked[Settings]):
    """A stack whose layers filter."""

    settings_type = Settings
    search = config.space(
        layers=config.Between(1, 3),
        reach=config.Choice(20, 50, 100),
        dropout=config.Between(0.0, 0.6),
    )

    @classmethod
    def layer(cls, settings: Settings, dim: int, place: int) -> nn.Module:
        return Filter(dim, settings.reach)


class Filter(nn.Module):
    """weight: [dim, reach] what each number counts, by how many events ago it was said."""

    def __init__(self, dim: int, reach: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim, reach) * reach**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1], device=x.device)
        apart = place[:, None] - place
        reach = self.weight.shape[1]
        within = (apart >= 0) & (apart < reach)
        # (dim, length, length): a triangle for each number, the same along its diagonals
        triangle = self.weight[:, apart.clamp(0, reach - 1)] * within
        return torch.bmm(triangle, x.permute(2, 1, 0)).permute(2, 1, 0)
