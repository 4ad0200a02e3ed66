"""Where a network learns, and in which numbers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch
from torch import Tensor

CPU = torch.device("cpu")

MARGIN = 2.0
"""How many times faster a step must be in bfloat16, so that chance does not decide."""

WORTH = 0.01
"""Seconds that a step must take: the time of a shorter one is half overhead and chance."""

ROUNDS = 5


def device() -> torch.device:
    """This process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return CPU
    place = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", place % torch.cuda.device_count())


def autocast(where: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Products in `dtype`, what is delicate in float32."""
    return torch.autocast(where.type, dtype, enabled=dtype is not torch.float32)


def precision(where: torch.device, compute: Callable[[], Tensor]) -> torch.dtype:
    """bfloat16 where a step takes much less time in it, by measurement; else float32.

    compute: a loss. A small product is tried first: a CPU without instructions for it takes
    20 to 70 times as long, and a whole step would be long to wait for.
    """
    single, half = _best(where, _product(where))
    if half * MARGIN < single:
        single, half = _best(where, compute)
        if single > WORTH and half * MARGIN < single:
            return torch.bfloat16
    return torch.float32


def _product(where: torch.device) -> Callable[[], Tensor]:
    """A layer over a small batch."""
    x = torch.ones(512, 64, device=where)
    layer = torch.nn.Linear(64, 256, device=where)
    return lambda: layer(x).float().sum()


def _best(where: torch.device, compute: Callable[[], Tensor]) -> tuple[float, float]:
    """Seconds in float32 and in bfloat16, at best of some rounds, in turns."""
    dtypes = (torch.float32, torch.bfloat16)
    rounds = [[_seconds(where, dtype, compute) for dtype in dtypes] for _ in range(ROUNDS)]
    single, half = (min(column) for column in zip(*rounds, strict=True))
    return single, half


def _seconds(where: torch.device, dtype: torch.dtype, compute: Callable[[], Tensor]) -> float:
    """Of a loss and its gradients: on a CPU its own seconds, whatever else the machine does."""
    clock = time.perf_counter if where.type == "cuda" else time.process_time
    began = clock()
    with autocast(where, dtype):
        loss = compute()
    loss.backward()  # type: ignore[no-untyped-call]
    if where.type == "cuda":
        torch.cuda.synchronize()
    return clock() - began
