"""The steps of a funnel are products, and their losses are those of the textbook."""

from __future__ import annotations

import numpy as np
import torch

from endcap.nn.funnel import Heads, cross_entropy, listwise, log_chances, log_odds


def test_each_step_is_a_product_of_those_before() -> None:
    given = torch.tensor([[0.5, 0.2, 0.1], [0.9, 0.8, 0.7]])
    chances = log_chances(torch.logit(given)).exp()
    expected = torch.tensor([[0.5, 0.1, 0.01], [0.9, 0.72, 0.504]])
    torch.testing.assert_close(chances, expected)
    torch.testing.assert_close(log_odds(chances.log()), torch.logit(expected))


def test_a_step_that_was_not_reached_lowers_all_before_it() -> None:
    """A purchase that did not come of it says something of the look, too."""
    odds = torch.zeros(1, 2, requires_grad=True)
    label = torch.tensor([[True, False]])
    chances = log_chances(odds)
    cross_entropy(chances[:, 1:], label[:, 1:]).backward()  # type: ignore[no-untyped-call]
    assert odds.grad is not None
    assert torch.all(odds.grad > 0)


def test_cross_entropy_is_that_of_torch() -> None:
    odds, label = torch.randn(5, 1), torch.tensor([[True], [False], [False], [True], [False]])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        odds, label.float(), reduction="sum"
    )
    torch.testing.assert_close(cross_entropy(log_chances(odds), label), expected)


def test_what_is_certain_has_a_finite_loss() -> None:
    loss = cross_entropy(log_chances(torch.tensor([[100.0]])), torch.tensor([[False]]))
    assert torch.isfinite(loss)


def test_the_order_counts_within_each_question_only() -> None:
    score = torch.tensor([1.0, 2.0, 50.0, 51.0, 50.0])
    label = torch.tensor([True, False, False, True, True])
    query = torch.tensor([0, 0, 1, 1, 1])
    shares = [score[:2].log_softmax(0)[0], *score[2:].log_softmax(0)[1:]]
    torch.testing.assert_close(listwise(score, label, query), -sum(shares, torch.zeros(())))


def test_one_expert_is_a_layer_that_all_steps_share() -> None:
    torch.manual_seed(1)
    heads, x = Heads(dim=4, width=3, experts=1, steps=2), torch.randn(6, 4)
    shared = torch.nn.functional.silu(heads.experts[0](x))
    torch.testing.assert_close(heads(x), torch.cat([out(shared) for out in heads.out], dim=1))


def test_each_step_mixes_experts_by_weights_of_its_own() -> None:
    torch.manual_seed(1)
    heads, x = Heads(dim=4, width=3, experts=2, steps=2), torch.randn(6, 4)
    first = heads(x).detach()
    with torch.no_grad():
        heads.gates[1].get_parameter("bias").add_(torch.tensor([0.0, 5.0]))
    changed = np.flatnonzero(~torch.isclose(heads(x), first).all(dim=0).numpy())
    assert changed.tolist() == [1]
