"""Gated recurrent units, as in GRU4Rec (Hidasi et al., ICLR 2016)."""

from __future__ import annotations

from torch import nn

from endcap.nn.stacked import Recurrent, Size

Settings = Size


class GRU(Recurrent):
    """A stack whose layers remember."""

    kind = nn.GRU
