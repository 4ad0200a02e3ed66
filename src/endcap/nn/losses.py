"""What a network is asked to make small, each a mean over positions.

All score by the product of vectors, and take alike:

    hidden [positions, dim], what the network says; items [items, dim]; target [positions]
    negatives [drawn] codes of items that all positions are held against; one that equals a
        position's target counts nothing there
    weight [positions] how much each position counts, or None for all the same
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 128
"""Positions whose scores are held at once: memory does not grow with batch × catalogue."""


class _Softmax(torch.autograd.Function):
    """Cross-entropy over all items; loss and gradients are computed block by block.

    The number of positions is a multiple of BLOCK. product: the numbers in which vectors are
    multiplied, and scores held; what is summed over items, and all else, is in those of `hidden`.
    What stands beside the catalogue's width is a product and as few passes as may be: not the
    odds are scaled to probabilities, but the rows that they are multiplied with.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, items: Tensor, target: Tensor, share: Tensor, product: torch.dtype
    ) -> Tensor:
        vectors, right = items.to(product), functional.embedding(target, items)
        grad_hidden, grad_items = -share[:, None] * right, torch.zeros_like(items)
        grad_items.index_add_(0, target, -share[:, None] * hidden)
        loss = -(hidden * right * share[:, None]).sum()
        for start in range(0, len(hidden), BLOCK):
            rows, part = (column[start : start + BLOCK] for column in (hidden, share[:, None]))
            odds = rows.to(product) @ vectors.t()
            highest = odds.amax(1, keepdim=True)
            total = odds.sub_(highest).exp_().sum(1, keepdim=True).to(hidden.dtype)
            loss += ((highest + total.log()) * part).sum()
            scale = part / total
            grad_hidden[start : start + BLOCK] += (odds @ vectors) * scale
            grad_items += odds.t() @ (rows * scale).to(product)
        ctx.save_for_backward(grad_hidden, grad_items)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_items = ctx.saved_tensors
        return grad_hidden * grads[0], grad_items * grads[0], None, None, None


def full_softmax(
    hidden: Tensor,
    items: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    product: torch.dtype = torch.float32,
) -> Tensor:
    """Cross-entropy of the right item among all of them.

    product: the numbers in which vectors are multiplied. All blocks have one size, since a CPU
    makes code for each shape of a product in bfloat16, and keeps it.
    """
    share = hidden.new_ones(len(hidden)) if weight is None else weight
    more = -len(hidden) % BLOCK
    loss: Tensor = _Softmax.apply(  # type: ignore[no-untyped-call]
        functional.pad(hidden, (0, 0, 0, more)),
        items,
        functional.pad(target, (0, more)),
        functional.pad(share / share.sum(), (0, more)),
        product,
    )
    return loss


def sampled_softmax(
    hidden: Tensor,
    items: Tensor,
    target: Tensor,
    negatives: Tensor,
    log_q: Tensor,
    weight: Tensor | None = None,
) -> Tensor:
    """Cross-entropy of the right item among drawn ones, as if among all.

    Each drawn item's score is lowered by the log of how often it is expected in the draw, so
    that frequent items are not pushed down for being drawn often. The right item, which stands
    there for certain, keeps its score: the corrected logQ (Khrylchenko et al., RecSys 2025).

    log_q: [items] log expected number of draws of each.
    """
    right, drawn = _scores(hidden, items, target, negatives)
    others = (drawn - log_q[negatives]).logsumexp(1)
    return _mean(functional.softplus(others - right), weight)


def label_smoothing(
    hidden: Tensor, items: Tensor, target: Tensor, mean: Tensor, weight: Tensor | None = None
) -> Tensor:
    """What to add to a softmax, times ε, so that each item is right with a share of ε.

    −(1 − ε) log p(target) − ε · mean over items of log p(item)
        = −log p(target) + ε · (score of the target − mean score), whatever the softmax.

    mean: [dim] of the vectors of all items.
    """
    right = (hidden * functional.embedding(target, items)).sum(1)
    return _mean(right - hidden @ mean, weight)


def bce(
    hidden: Tensor,
    items: Tensor,
    target: Tensor,
    negatives: Tensor,
    weight: Tensor | None = None,
    *,
    power: float = 1.0,
) -> Tensor:
    """Binary cross-entropy: the right item is a yes, each drawn one a no.

    power: of the right item's probability; below 1 it is gBCE, see `gbce_power`.
    """
    right, drawn = _scores(hidden, items, target, negatives)
    yes, no = functional.softplus(-right), functional.softplus(drawn).sum(1)
    return _mean((power * yes + no) / (1 + len(negatives)), weight)


def gbce_power(negatives: int, items: int, calibration: float) -> float:
    """The power by which `bce` no longer overrates what few negatives are held against.

    calibration: 0 leaves the power at 1, plain BCE; at 1 the sigmoids are probabilities, as if
    every item had been a negative. gBCE (Petrov & Macdonald, RecSys 2023).
    """
    rate = min(1.0, negatives / max(1, items - 1))
    return rate * (calibration * (1 - 1 / rate) + 1 / rate)


def bpr(
    hidden: Tensor,
    items: Tensor,
    target: Tensor,
    negatives: Tensor,
    weight: Tensor | None = None,
) -> Tensor:
    """The right item shall be above each drawn one: BPR (Rendle et al., UAI 2009)."""
    right, drawn = _scores(hidden, items, target, negatives)
    below = functional.softplus(drawn - right[:, None]).sum(1)
    return _mean(below / len(negatives), weight)


def _scores(
    hidden: Tensor, items: Tensor, target: Tensor, negatives: Tensor
) -> tuple[Tensor, Tensor]:
    """[positions] of the right items, and [positions, drawn], −inf where that is the right one."""
    right = (hidden * functional.embedding(target, items)).sum(1)
    drawn = hidden @ functional.embedding(negatives, items).t()
    return right, drawn.masked_fill(negatives == target[:, None], -torch.inf)


def _mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    return losses.mean() if weight is None else (losses * weight).sum() / weight.sum()
