"""A network goes on from the weights of an earlier fit, and learns what is new."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from endcap.stages import Earlier
from endcap.tables.dataset import Dataset
from endcap.types import Floats


def grown(earlier: Earlier, *tables: str) -> dict[str, Tensor]:
    """The earlier weights, with the rows of the named tables in the order of today's items.

    An item that the earlier model had never heard of begins at the mean of all others.
    """
    weights = {name: np.array(array) for name, array in earlier.state.items()}
    known = earlier.items >= 0
    for name in tables:
        old = weights[name]
        weights[name] = np.where(known[:, None], old[earlier.items], old.mean(0))
    return {name: torch.from_numpy(array) for name, array in weights.items()}


def what_is_new(
    dataset: Dataset, earlier: Earlier, replay: float, rng: np.random.Generator
) -> Floats:
    """[events] how much each counts as a target: the new ones as ever, and of the earlier ones
    as many as `replay` asks for each new one, by chance, so that what they taught is not
    forgotten; the rest nothing.
    """
    new = dataset.time >= earlier.until
    share = min(1.0, replay * new.sum() / max(1, np.count_nonzero(~new)))
    weight: Floats = dataset.weight * (new | (rng.random(len(dataset)) < share))
    return weight
