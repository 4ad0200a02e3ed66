"""Long short-term memory (Hochreiter & Schmidhuber, 1997) along the events."""

from __future__ import annotations

from torch import nn

from endcap.nn.stacked import Recurrent, Size

Settings = Size


class LSTM(Recurrent):
    """A stack whose layers remember."""

    kind = nn.LSTM
