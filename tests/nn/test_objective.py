"""A loss by its name, and the items that are drawn for it."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from endcap.nn.losses import bce, bpr, full_softmax, gbce_power, label_smoothing, sampled_softmax
from endcap.nn.objective import SOFTMAX, Name, Negatives, objective

COUNT = np.array([6, 0, 3, 1, 0, 10])


@pytest.mark.parametrize("popular", [0.0, 0.5])
def test_draws_are_as_frequent_as_their_log_q_says(popular: float) -> None:
    torch.manual_seed(1)
    negatives = Negatives(COUNT, 40_000, popular)
    found = np.bincount(negatives.draw(), minlength=len(COUNT))
    expected = 40_000 * (popular * COUNT / COUNT.sum() + (1 - popular) / len(COUNT))
    np.testing.assert_allclose(found, expected, rtol=0.05)
    np.testing.assert_allclose(negatives.log_q.exp(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", get_args(Name))
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_each_name_is_its_loss(name: Name, smoothing: float) -> None:
    torch.manual_seed(1)
    hidden, items, target = torch.randn(5, 4), torch.randn(6, 4), torch.randint(0, 6, (5,))
    weight = torch.rand(5)
    goal = objective(name, COUNT, full=120, negatives=3, calibration=0.6, smoothing=smoothing)
    torch.manual_seed(2)
    among = goal.among(target)
    needed = items if among.items is None else items[among.items]
    found = goal.loss(hidden, needed, among.rows, among, weight)
    torch.manual_seed(2)
    negatives = Negatives(COUNT, 3, popular=0.5 * (name == "sampled_softmax"))
    drawn, power = negatives.draw(), gbce_power(3, len(COUNT), 0.6)
    expected = {
        "auto": full_softmax(hidden, items, target, weight),
        "full_softmax": full_softmax(hidden, items, target, weight),
        "sampled_softmax": sampled_softmax(hidden, items, target, drawn, negatives.log_q, weight),
        "gbce": bce(hidden, items, target, drawn, weight, power=power),
        "bce": bce(hidden, items, target, drawn, weight),
        "bpr": bpr(hidden, items, target, drawn, weight),
    }
    share = torch.exp(-negatives.log_q[drawn])
    rarest = share / share.sum() @ items[drawn]
    mean = rarest if name == "sampled_softmax" else items.mean(0)
    smoothed = smoothing if name in SOFTMAX else 0.0
    more = smoothed * label_smoothing(hidden, items, target, mean, weight)
    torch.testing.assert_close(found, expected[name] + more)


def test_the_mean_of_what_is_drawn_is_that_of_all_items() -> None:
    torch.manual_seed(1)
    items, negatives = torch.randn(6, 4), Negatives(COUNT, 100_000, popular=0.5)
    drawn = negatives.draw()
    share = torch.exp(-negatives.log_q[drawn])
    torch.testing.assert_close(share / share.sum() @ items[drawn], items.mean(0), atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["full_softmax", "sampled_softmax"])
def test_what_is_not_held_against_anything_learns_nothing(name: Name) -> None:
    held = np.array([True, False, True, True, False, True])
    goal = objective(name, COUNT, full=120, negatives=50, calibration=0.6, smoothing=0.1, held=held)
    items = torch.randn(6, 4, requires_grad=True)
    target = torch.tensor([0, 2, 5, 3])
    among = goal.among(target)
    assert among.items is not None
    loss = goal.loss(torch.randn(4, 4), items[among.items], among.rows, among, None)
    loss.backward()  # type: ignore[no-untyped-call]
    assert items.grad is not None
    assert items.grad.any(1).tolist() == held.tolist()


def test_the_right_item_is_held_against_all_that_are_held() -> None:
    held = np.array([True, False, True, True, False, True])
    hidden, items, target = torch.randn(4, 4), torch.randn(6, 4), torch.tensor([0, 2, 5, 3])
    goal = objective(
        "full_softmax", COUNT, full=120, negatives=3, calibration=0.6, smoothing=0.0, held=held
    )
    among = goal.among(target)
    assert among.items is not None
    found = goal.loss(hidden, items[among.items], among.rows, among, None)
    some = items[torch.from_numpy(np.flatnonzero(held))]
    expected = full_softmax(hidden, some, torch.tensor([0, 1, 3, 2]))
    torch.testing.assert_close(found, expected)
