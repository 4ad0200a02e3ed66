"""The steps from a look to a purchase: how likely each is, and what is learned from it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Heads(nn.Module):
    """(rows, dim) → [rows, steps] log-odds of each step, given the one before.

    MMoE (Ma et al., KDD 2018): all steps share some layers, the experts, and each mixes them by
    weights of its own. One expert is a layer that all steps share.
    """

    def __init__(self, dim: int, width: int, experts: int, steps: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(dim, width) for _ in range(experts))
        self.gates = nn.ModuleList(nn.Linear(dim, experts) for _ in range(steps))
        self.out = nn.ModuleList(nn.Linear(width, 1) for _ in range(steps))

    def forward(self, x: Tensor) -> Tensor:
        found = torch.stack([functional.silu(expert(x)) for expert in self.experts], dim=2)
        mixes = [(found @ gate(x).softmax(1)[:, :, None]).squeeze(2) for gate in self.gates]
        return torch.cat([out(mix) for out, mix in zip(self.out, mixes, strict=True)], dim=1)


def log_chances(odds: Tensor) -> Tensor:
    """[rows, steps] log of the probability that a visitor comes as far as each step.

    p(purchase) = p(view) · p(cart | view) · p(purchase | cart): so all steps learn from all
    candidates, not only from those that came as far (ESMM, Ma et al., SIGIR 2018).

    odds: [rows, steps] log-odds of each step, given the one before.
    """
    return functional.logsigmoid(odds).cumsum(1)


def log_odds(log_chance: Tensor) -> Tensor:
    """log p → log(p / (1 − p))"""
    return log_chance - _log_rest(log_chance)


def cross_entropy(log_chance: Tensor, label: Tensor) -> Tensor:
    """The sum over rows, in the mean over steps."""
    return -torch.where(label, log_chance, _log_rest(log_chance)).mean(1).sum()


def listwise(score: Tensor, label: Tensor, query: Tensor) -> Tensor:
    """The sum over right rows of their cross-entropy among all rows of their question (ListNet's
    top one, Cao et al., ICML 2007).

    score, label, query: [rows].
    """
    most = score.new_full((int(query.max()) + 1,), -torch.inf)
    most = most.scatter_reduce(0, query, score.detach(), "amax")
    above = score - most[query]
    total = torch.zeros_like(most).index_add(0, query, above.exp())
    return (total.log()[query] - above)[label].sum()


def _log_rest(log_chance: Tensor) -> Tensor:
    """log p → log(1 − p); p stays so far below 1 that there is one."""
    return torch.log(-torch.expm1(log_chance.clamp(max=-1e-6)))
