"""What a network is asked to make small. Each returns the mean over positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 256
"""Positions whose scores are held at once: memory does not grow with batch × catalogue."""


class _Softmax(torch.autograd.Function):
    """Cross-entropy over all items; loss and gradients are computed block by block."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, target: Tensor) -> Tensor:
        grad_hidden, grad_items = torch.empty_like(hidden), torch.zeros_like(items)
        buffer = hidden.new_empty(min(BLOCK, len(hidden)), len(items))
        loss = hidden.new_zeros(())
        for start in range(0, len(hidden), BLOCK):
            rows = hidden[start : start + BLOCK]
            scores = torch.mm(rows, items.t(), out=buffer[: len(rows)])
            aim = target[start : start + BLOCK, None]
            scores -= scores.amax(1, keepdim=True)
            right = scores.gather(1, aim)
            total = scores.exp_().sum(1, keepdim=True)
            loss += (total.log() - right).sum()
            scores /= total
            scores.scatter_add_(1, aim, scores.new_full((len(rows), 1), -1.0))
            torch.mm(scores, items, out=grad_hidden[start : start + BLOCK])
            grad_items.addmm_(scores.t(), rows)
        ctx.save_for_backward(grad_hidden, grad_items)
        return loss / len(hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden, grad_items = ctx.saved_tensors
        scale = grads[0] / len(grad_hidden)
        return grad_hidden * scale, grad_items * scale, None


def full_softmax(hidden: Tensor, items: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the right item among all of them.

    hidden: [positions, dim]; items: [items, dim]; target: [positions] codes.
    """
    loss: Tensor = _Softmax.apply(hidden, items, target)  # type: ignore[no-untyped-call]
    return loss


def sampled_softmax(
    hidden: Tensor, items: Tensor, target: Tensor, negatives: Tensor, log_q: Tensor
) -> Tensor:
    """Cross-entropy of the right item among drawn ones, as if among all.

    Each drawn item's score is lowered by the log of how often it is expected in the draw, so
    that frequent items are not pushed down for being drawn often. The right item, which stands
    there for certain, keeps its score: the corrected logQ (Khrylchenko et al., RecSys 2025).

    negatives: [drawn] codes shared by all positions; log_q: [items] log expected number of
    draws. A draw that equals the right item counts nothing.
    """
    right = (hidden * functional.embedding(target, items)).sum(1, keepdim=True)
    drawn = hidden @ functional.embedding(negatives, items).t() - log_q[negatives]
    drawn = drawn.masked_fill(negatives == target[:, None], -torch.inf)
    others = drawn.logsumexp(1, keepdim=True)
    return functional.softplus(others - right).mean()
