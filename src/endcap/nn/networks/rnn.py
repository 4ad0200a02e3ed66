"""A plain recurrent network (Elman, 1990): the last state and the event make the next state."""

from __future__ import annotations

from torch import nn

from endcap.nn.stacked import Recurrent, Size

Settings = Size


class RNN(Recurrent):
    """A stack whose layers remember."""

    kind = nn.RNN
