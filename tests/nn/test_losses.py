"""Each loss and its gradients against the plain formula, with all scores held at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from endcap.nn.losses import (
    BLOCK,
    bce,
    bpr,
    full_softmax,
    gbce_power,
    label_smoothing,
    sampled_softmax,
)

ITEMS, DIM = 30, 8

Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]

DRAWN = torch.tensor([4, 9, 9, 17, 28])
OFTEN = torch.linspace(-2, 1, ITEMS)
SMOOTH = 0.2


def example(positions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden vectors, item vectors and right items, by chance."""
    torch.manual_seed(positions)
    hidden = torch.randn(positions, DIM, requires_grad=True)
    items = torch.randn(ITEMS, DIM, requires_grad=True)
    return hidden, items, torch.randint(0, ITEMS, (positions,))


def cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(scores, target, reduction="none")


def smoothed(scores: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(scores, target, reduction="none", label_smoothing=SMOOTH)


def sampled(scores: Tensor, target: Tensor) -> Tensor:
    """Position by position: the right item, then the drawn ones that are not it."""
    found = []
    for row, right in zip(scores, target, strict=True):
        others = DRAWN[right != DRAWN]
        among = torch.cat([row[right, None], row[others] - OFTEN[others]])
        found.append(-among.log_softmax(0)[0])
    return torch.stack(found)


def binary(scores: Tensor, target: Tensor, power: float = 1.0) -> Tensor:
    found = []
    for row, right in zip(scores, target, strict=True):
        others = DRAWN[right != DRAWN]
        yes, no = (row[right].sigmoid() ** power).log(), (1 - row[others].sigmoid()).log()
        found.append(-(yes + no.sum()) / (1 + len(DRAWN)))
    return torch.stack(found)


def ranked(scores: Tensor, target: Tensor) -> Tensor:
    found = []
    for row, right in zip(scores, target, strict=True):
        others = DRAWN[right != DRAWN]
        found.append(-(row[right] - row[others]).sigmoid().log().sum() / len(DRAWN))
    return torch.stack(found)


def smooth(hidden: Tensor, items: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    more = label_smoothing(hidden, items, target, items.mean(0), weight)
    return full_softmax(hidden, items, target, weight) + SMOOTH * more


def all_drawn_once(hidden: Tensor, items: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    every, once = torch.arange(ITEMS), torch.zeros(ITEMS)
    return sampled_softmax(hidden, items, target, every, once, weight)


def of_drawn(loss: Callable[..., Tensor], **options: object) -> Loss:
    return partial(loss, negatives=DRAWN, **options)


def weighted(loss: Loss) -> Loss:
    """Takes the weight by its name, as all that draw do."""
    return lambda hidden, items, target, weight: loss(hidden, items, target, weight=weight)  # type: ignore[call-arg]


CASES: dict[str, tuple[Loss, Callable[[Tensor, Tensor], Tensor]]] = {
    "full softmax": (full_softmax, cross_entropy),
    "full softmax, smoothed": (smooth, smoothed),
    "sampled softmax of all": (all_drawn_once, cross_entropy),
    "sampled softmax": (weighted(of_drawn(sampled_softmax, log_q=OFTEN)), sampled),
    "bce": (weighted(of_drawn(bce)), binary),
    "gbce": (weighted(of_drawn(bce, power=0.3)), partial(binary, power=0.3)),
    "bpr": (weighted(of_drawn(bpr)), ranked),
}


@pytest.mark.parametrize("positions", [1, 7, BLOCK, BLOCK + 1, 2 * BLOCK + 44])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("uneven", [False, True])
def test_value_and_gradients_are_those_of_the_plain_formula(
    case: str, positions: int, uneven: bool
) -> None:
    loss, plain = CASES[case]
    hidden, items, target = example(positions)
    weight = torch.rand(positions) + 0.1 if uneven else None
    found = loss(hidden, items, target, weight)
    each = plain(hidden @ items.t(), target)
    expected = each.mean() if weight is None else (each * weight).sum() / weight.sum()
    torch.testing.assert_close(found, expected)
    # A factor before the loss must reach the gradients.
    ours = torch.autograd.grad(3 * found, (hidden, items))
    theirs = torch.autograd.grad(3 * expected, (hidden, items))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("positions", [7, 2 * BLOCK + 44])
def test_the_full_softmax_in_bfloat16_is_nearly_that_in_float32(positions: int) -> None:
    hidden, items, target = example(positions)
    single, half = (
        torch.autograd.grad(full_softmax(hidden, items, target, product=dtype), (hidden, items))
        for dtype in (torch.float32, torch.bfloat16)
    )
    for one, other in zip(single, half, strict=True):
        assert one.dtype is other.dtype is torch.float32
        assert not torch.equal(one, other)
        assert (one - other).norm() < 0.02 * one.norm()


@pytest.mark.parametrize("case", CASES)
def test_equal_weights_are_as_none(case: str) -> None:
    loss, _ = CASES[case]
    hidden, items, target = example(7)
    torch.testing.assert_close(
        loss(hidden, items, target, torch.full((7,), 2.5)), loss(hidden, items, target, None)
    )


@pytest.mark.parametrize("case", CASES)
def test_large_scores_do_not_overflow(case: str) -> None:
    loss, _ = CASES[case]
    hidden, items, target = example(5)
    found = loss(1e3 * hidden, items, target, None)
    assert found.isfinite()
    for gradient in torch.autograd.grad(found, (hidden, items)):
        assert gradient.isfinite().all()


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


def test_the_power_of_gbce_goes_from_one_to_the_share_that_is_drawn() -> None:
    assert gbce_power(10, 101, calibration=0.0) == pytest.approx(1.0)
    assert gbce_power(10, 101, calibration=1.0) == pytest.approx(0.1)
    assert gbce_power(10, 101, calibration=0.75) == pytest.approx(0.25 + 0.75 * 0.1)
    assert gbce_power(500, 101, calibration=0.5) == pytest.approx(1.0)
