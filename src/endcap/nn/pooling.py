"""Visitors as one vector: the mean over what they did, in which newer events count more."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from endcap.types import Floats, History, Int8s, Int32s


def shares(history: History, recency: float, kinds: Tensor) -> Floats:
    """[events] what each counts for its row; a row adds up to 1.

    recency: what each older event keeps. kinds: [event types] how much one of each says.
    """
    weight = kinds.numpy()[history.kinds] * recency**history.ages
    total = np.bincount(history.rows, weight, minlength=len(history))
    share: Floats = (weight / np.maximum(total, 1e-9)[history.rows]).astype(np.float32)
    return share


def pooled(table: Tensor, history: History, codes: Int32s | Int8s, share: Floats) -> Tensor:
    """[rows, dim] the mean of the events' vectors.

    table: [codes, dim]; codes, share: [events] which vector an event has, and what it counts.
    """
    return functional.embedding_bag(
        torch.from_numpy(codes.astype(np.int64)),
        table,
        torch.from_numpy(history.offsets[:-1]),
        mode="sum",
        per_sample_weights=torch.from_numpy(share),
    )
