"""Weights of a join, learned from what was taken."""

from __future__ import annotations

import numpy as np

from endcap.experiment.weights import Lessons


def lessons(seed: int, questions: int = 400, rows: int = 8) -> Lessons:
    """The first column tells what is taken, the second is noise."""
    rng = np.random.default_rng(seed)
    votes = rng.random((questions * rows, 2)).astype(np.float32)
    query = np.repeat(np.arange(questions, dtype=np.int32), rows)
    odds = (8 * votes[:, 0] + rng.gumbel(size=len(votes))).reshape(questions, rows)
    taken = np.zeros((questions, rows), np.bool_)
    taken[np.arange(questions), odds.argmax(1)] = True
    return Lessons(query, votes, taken.ravel())


def test_what_tells_counts_and_noise_does_not() -> None:
    weights = lessons(1).weights()
    assert weights[0] == 1
    assert weights[1] < 0.15


def test_what_misleads_counts_nothing() -> None:
    one = lessons(2)
    turned = Lessons(one.query, np.c_[one.votes[:, 0], 1 - one.votes[:, 0]], one.taken)
    assert turned.weights().tolist() == [1, 0]


def test_the_slope_is_that_of_the_loss() -> None:
    loss, at, step = lessons(3)._loss(), np.array([2.0, 0.5]), 1e-2
    for column, slope in enumerate(loss(at)[1]):
        aside = step * (np.arange(2) == column)
        measured = (loss(at + aside)[0] - loss(at - aside)[0]) / (2 * step)
        np.testing.assert_allclose(measured, slope, rtol=0.02, atol=1e-4)


def test_without_answers_all_count_alike() -> None:
    one = lessons(4, questions=3)
    assert Lessons(one.query, one.votes, np.zeros_like(one.taken)).weights().tolist() == [1, 1]
    nothing = one.keep(np.zeros_like(one.taken))
    assert nothing.weights().tolist() == [1, 1]
