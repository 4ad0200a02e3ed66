"""Several processes that teach one network together, as torchrun starts them.

All run the same program on the same shop folder and take the same decisions; the first alone
writes. A process that was not started so is the first of one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import timedelta

import torch
from torch import Tensor, distributed

PATIENCE = timedelta(days=7)
"""How long one waits for another; torchrun ends them all when one fails."""


def count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """From 0, the first."""
    return int(os.environ.get("RANK", "0"))


def meet() -> None:
    """Wait until all processes are here."""
    if count() > 1:
        _join()
        distributed.all_reduce(torch.zeros(1))


def told(number: Callable[[], float]) -> float:
    """A number that the first process finds, and tells the others."""
    if count() == 1:
        return number()
    _join()
    one = torch.tensor(0.0 if rank() else number(), dtype=torch.float64)
    distributed.broadcast(one, src=0)
    return float(one)


def share(lessons: Tensor) -> tuple[slice, float]:
    """The rows of a batch that are this process's, and the factor for the mean loss over them
    with which the mean over the processes is the mean over the batch.

    lessons: [rows] how much there is to learn from each. A batch in which a process would have
    nothing to learn from is everyone's.
    """
    each = [float(lessons[first :: count()].sum()) for first in range(count())]
    if not all(each):
        return slice(None), 1.0
    return slice(rank(), None, count()), each[rank()] * count() / sum(each)


def average(weights: Sequence[Tensor], loss: Tensor) -> float:
    """Give each weight the mean of its gradients over the processes; returns that of the loss."""
    if count() == 1:
        return loss.item()
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    parts = [loss.detach(), *gradients]
    together = torch.cat([part.reshape(-1) for part in parts])
    distributed.all_reduce(together)
    together /= count()
    mean, *shared = torch.split(together, [part.numel() for part in parts])
    for gradient, part in zip(gradients, shared, strict=True):
        gradient.copy_(part.view_as(gradient))
    return float(mean)


def _join() -> None:
    if not distributed.is_initialized():
        gpu = torch.cuda.is_available() and distributed.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
