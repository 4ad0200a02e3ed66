"""Where a network learns, and in which numbers."""

from __future__ import annotations

import os
import time
from functools import cache

import torch
from torch import nn

CPU = torch.device("cpu")

MARGIN = 1.5
"""How many times faster a product must be in bfloat16, so that chance does not decide: with
instructions for it, it is more than twice as fast, and without, some 20 times slower."""

ROUNDS = 10


def device() -> torch.device:
    """This process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return CPU
    place = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", place % torch.cuda.device_count())


def autocast(where: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Products in `dtype`, what is delicate in float32."""
    return torch.autocast(where.type, dtype, enabled=dtype is not torch.float32)


@cache
def precision(where: torch.device) -> torch.dtype:
    """bfloat16 where a product takes much less time in it, by measurement; else float32."""
    dtypes = (torch.float32, torch.bfloat16)
    rounds = [[_seconds(where, dtype) for dtype in dtypes] for _ in range(ROUNDS)]
    single, half = (min(column) for column in zip(*rounds, strict=True))
    return torch.bfloat16 if half * MARGIN < single else torch.float32


def _seconds(where: torch.device, dtype: torch.dtype) -> float:
    """Of a product of a few events' vectors with those of many items, and its gradients:
    on a CPU its own seconds, whatever else the machine does."""
    x = torch.ones(128, 64, device=where)
    layer = nn.Linear(64, 16_384, device=where)
    clock = time.perf_counter if where.type == "cuda" else time.process_time
    began = clock()
    with autocast(where, dtype):
        loss = layer(x).float().sum()
    loss.backward()
    if where.type == "cuda":
        torch.cuda.synchronize()
    return clock() - began
