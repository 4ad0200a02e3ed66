"""What reads the events of a visitor in their order. One file is one network.

A network is named by its class path, like a stage: ``use = "endcap.nn.networks.gru:GRU"``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from endcap import config
from endcap.class_paths import resolve_own
from endcap.errors import ConfigError
from endcap.nn.blocks import chosen

ATTENTION = "endcap.nn.networks.attention:Attention"


class Network(nn.Module, ABC):
    """Vectors of events → for each, what is known once it has happened.

    ``Class(settings, dim)`` makes one for vectors of `dim` numbers; a ValueError says that the
    settings do not fit them. It is strictly causal: what comes out at an event depends on
    nothing but that event and earlier ones, so padding on the right is never seen.
    """

    settings_type: ClassVar[type[config.Settings]]
    search: ClassVar[Mapping[str, config.Search]] = config.space()

    @abstractmethod
    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """
        x: [batch, length, dim]; times: [batch, length] minutes since 1970, int64.
        Returns [batch, length, dim].
        """

    def at(self, x: Tensor, times: Tensor, last: Tensor) -> Tensor:
        """[batch, dim] the same at one event of each row; a network may know a shorter way.

        last: [batch] which.
        """
        return chosen(self(x, times), last)


def build(chosen: Mapping[str, Any], dim: int, key: str) -> Network:
    """The network that settings choose: `use` and its own; attention where there is no `use`.

    key: where the settings stand in the TOML, for messages. Raises ConfigError.
    """
    cls, settings = resolved(chosen, key)
    try:
        network: Network = cls(settings, dim)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
    return network


def resolved(chosen: Mapping[str, Any], key: str) -> tuple[type[Network], config.Settings]:
    """The class and its settings. Raises ConfigError."""
    return resolve_own(Network, {"use": ATTENTION, **chosen}, key)
