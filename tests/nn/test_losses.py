"""Both losses against what they stand for: plain cross-entropy over all items."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from endcap.nn.losses import BLOCK, full_softmax, sampled_softmax

ITEMS, DIM = 30, 8


def example(positions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden vectors, item vectors and right items, by chance."""
    torch.manual_seed(positions)
    hidden = torch.randn(positions, DIM, requires_grad=True)
    items = torch.randn(ITEMS, DIM, requires_grad=True)
    return hidden, items, torch.randint(0, ITEMS, (positions,))


def plain(hidden: Tensor, items: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(hidden @ items.t(), target)


def all_drawn_once(hidden: Tensor, items: Tensor, target: Tensor) -> Tensor:
    return sampled_softmax(hidden, items, target, torch.arange(ITEMS), torch.zeros(ITEMS))


@pytest.mark.parametrize("positions", [1, 7, BLOCK, BLOCK + 1, 2 * BLOCK + 44])
@pytest.mark.parametrize("loss", [full_softmax, all_drawn_once])
def test_value_and_gradients_are_those_of_cross_entropy(
    loss: Callable[[Tensor, Tensor, Tensor], Tensor], positions: int
) -> None:
    hidden, items, target = example(positions)
    found, expected = loss(hidden, items, target), plain(hidden, items, target)
    torch.testing.assert_close(found, expected)
    # A factor before the loss must reach the gradients.
    ours = torch.autograd.grad(3 * found, (hidden, items))
    theirs = torch.autograd.grad(3 * expected, (hidden, items))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_large_scores_do_not_overflow() -> None:
    hidden, items, target = example(5)
    torch.testing.assert_close(
        full_softmax(100 * hidden, items, target), plain(100 * hidden, items, target)
    )


def test_a_draw_that_equals_the_target_counts_nothing() -> None:
    hidden, items, _ = example(4)
    target, log_q = torch.full((4,), 3), torch.zeros(ITEMS)
    others = torch.tensor([1, 2, 5])
    without = sampled_softmax(hidden, items, target, others, log_q)
    with_it = sampled_softmax(hidden, items, target, torch.tensor([3, 1, 2, 3, 5]), log_q)
    torch.testing.assert_close(with_it, without)
    alone = sampled_softmax(hidden, items, target, torch.tensor([3]), log_q)
    assert alone.item() == 0.0


def test_an_item_drawn_twice_as_often_counts_half_each_time() -> None:
    hidden, items, _ = example(4)
    target, log_q = torch.full((4,), 3), torch.zeros(ITEMS)
    once = sampled_softmax(hidden, items, target, torch.tensor([1, 2]), log_q)
    log_q[1] = torch.log(torch.tensor(2.0))
    twice = sampled_softmax(hidden, items, target, torch.tensor([1, 2, 1]), log_q)
    torch.testing.assert_close(twice, once)
