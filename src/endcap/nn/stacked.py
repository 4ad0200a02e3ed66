"""Networks that are a stack of one kind of layer, which asks for nothing but the events' order."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.nn.blocks import Recurrence, Stack
from endcap.nn.networks import Network


class Size(config.Settings):
    """The size of the network."""

    layers: int = Field(1, gt=0, description="blocks, one upon the other")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of values dropped in training")


S = TypeVar("S", bound=Size)


class Stacked(Network, Generic[S]):
    """A network with such settings."""

    def __init__(self, settings: S, dim: int) -> None:
        super().__init__()
        layers = (self.layer(settings, dim, place) for place in range(settings.layers))
        self.stack = Stack(layers, dim, settings.dropout)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        out: Tensor = self.stack(x)
        return out

    def at(self, x: Tensor, times: Tensor, last: Tensor) -> Tensor:
        return self.stack.at(x, last)

    @classmethod
    @abstractmethod
    def layer(cls, settings: S, dim: int, place: int) -> nn.Module:
        """[batch, length, dim] → the same, causal. place: of the layer, from 0 at the bottom."""


class Recurrent(Stacked[Size]):
    """A stack whose layers remember."""

    settings_type = Size
    search = config.space(layers=config.Between(1, 3), dropout=config.Between(0.0, 0.6))
    kind: ClassVar[type[nn.GRU | nn.LSTM | nn.RNN]]

    @classmethod
    def layer(cls, settings: Size, dim: int, place: int) -> nn.Module:
        return Recurrence(cls.kind(dim, dim, batch_first=True))
