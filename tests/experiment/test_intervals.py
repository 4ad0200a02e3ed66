"""Intervals hold the truth as often as they say, and the test is as strict as it says."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from endcap.experiment.intervals import bootstrap, intervals, paired
from endcap.types import Floats


def draws(rng: np.random.Generator, shape: str, size: int) -> tuple[Floats, float]:
    """Values of a distribution, and its true mean."""
    if shape == "normal":
        return rng.normal(0.3, 1, size).astype(np.float32), 0.3
    if shape == "skewed":
        return rng.exponential(2.0, size).astype(np.float32), 2.0
    return (rng.random(size) < 0.1).astype(np.float32), 0.1


@pytest.mark.parametrize("shape", ["normal", "skewed", "hits"])
def test_about_95_of_100_intervals_hold_the_true_mean(shape: str) -> None:
    rng, held = np.random.default_rng(7), 0
    for seed in range(400):
        values, mean = draws(rng, shape, 300)
        interval = bootstrap(values, 300, seed)
        assert interval.low is not None
        assert interval.high is not None
        held += interval.low <= mean <= interval.high
    assert 0.92 <= held / 400 <= 0.98


def test_the_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(3).normal(0, 1, 10_000).astype(np.float32)
    interval = bootstrap(values, 2_000, 1)
    assert interval.low is not None
    assert interval.high is not None
    expected = 2 * 1.96 * values.std() / 100
    assert interval.high - interval.low == pytest.approx(expected, rel=0.1)


def test_about_5_of_100_tests_of_equal_systems_call_them_different() -> None:
    rng, called = np.random.default_rng(11), 0
    for seed in range(400):
        a, b = rng.random((2, 100)).astype(np.float32)
        p = paired(a, b, 300, seed).p
        assert p is not None
        called += p <= 0.05
    assert 0.02 <= called / 400 <= 0.08


def test_pairing_finds_a_difference_that_the_spread_hides() -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(200)
    a, b = (hard + 0.02).astype(np.float32), (hard + rng.normal(0, 0.01, 200)).astype(np.float32)
    found = paired(a, b, 2_000, 1)
    assert found.value == pytest.approx(0.02, abs=0.003)
    assert found.p == pytest.approx(1 / 2_001)
    assert found.low is not None
    assert found.low > 0
    assert found.queries == 200


def test_a_difference_turned_round_has_the_other_sign_and_the_same_p() -> None:
    a, b = np.random.default_rng(2).random((2, 80)).astype(np.float32)
    there, back = paired(a, b, 500, 1), paired(b, a, 500, 1)
    assert there.value is not None
    assert back.value == pytest.approx(-there.value)
    assert back.p == there.p


def test_the_same_values_differ_by_nothing() -> None:
    same = np.array([0, 1, 1], np.float32)
    found = paired(same, same, 200, 1)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_questions_without_a_value_do_not_count() -> None:
    values = np.array([1, np.nan, 3], np.float32)
    assert bootstrap(values, 100, 1).value == 2
    assert paired(values, np.array([0, 0, np.nan], np.float32), 100, 1).queries == 1


def test_without_spread_there_is_no_interval() -> None:
    assert bootstrap(np.array([0.25], np.float32), 100, 1).as_dict() == {
        "value": 0.25,
        "low": None,
        "high": None,
    }
    nothing = np.full(3, np.nan, np.float32)
    assert bootstrap(nothing, 100, 1).value is None
    assert bootstrap(nothing[:0], 100, 1).value is None
    assert paired(nothing, nothing, 100, 1).as_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "p": None,
        "queries": 0,
    }


def test_many_columns_get_what_each_would_get_alone() -> None:
    a, b = np.random.default_rng(1).random((2, 50)).astype(np.float32)
    b[::3] = np.nan
    together = intervals({"a": a, "b": b, "all": np.array([0.5], np.float32)}, 300, 1)
    assert list(together) == ["a", "b", "all"]
    assert together["a"] == bootstrap(a, 300, 1)
    assert together["b"] == bootstrap(b, 300, 1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).random(100).astype(np.float32)
    assert bootstrap(values, 200, 1) == bootstrap(values, 200, 1)
    assert bootstrap(values, 200, 1) != bootstrap(values, 200, 2)


def test_memory_is_bounded_for_many_questions() -> None:
    values = np.random.default_rng(1).random(25_000).astype(np.float32)
    tracemalloc.start()
    bootstrap(values, 1_000, 1)
    paired(values, values[::-1].copy(), 1_000, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6
