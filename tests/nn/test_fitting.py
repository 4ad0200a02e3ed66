"""A fitted network, rebuilt from its arrays."""

from __future__ import annotations

import numpy as np
from torch import nn

from endcap.nn.fitting import restored


def test_a_network_has_the_very_arrays_of_its_state() -> None:
    """They may be read from a file that all workers of a service have in memory together."""
    state = {"weight": np.ones((2, 3), np.float32), "bias": np.zeros(2, np.float32)}
    network = restored(nn.Linear(3, 2), state)
    for name, array in state.items():
        assert network.get_parameter(name).data_ptr() == array.ctypes.data
    assert not network.training
