"""Scores that say too much become probabilities, and keep their order."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from endcap.experiment.reliability import reliability
from endcap.nn.calibration import Calibration
from endcap.types import Bools, Floats, Ranking


def drawn(seed: int, size: int = 20_000) -> tuple[Floats, Bools]:
    """Scores three times as sure as they may be, and what was taken."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-3, 1, size)
    return (3 * truth).astype(np.float32), rng.random(size) < expit(truth)


def error(probability: Floats, taken: Bools) -> float:
    rows = np.zeros(len(taken), np.int32)
    found = reliability(Ranking(rows, rows, probability), taken)
    return float(found["expected_calibration_error"])


def test_the_error_goes_down_on_what_comes_later() -> None:
    calibration = Calibration.fit(*drawn(1))
    score, taken = drawn(2)
    before, after = error(expit(score), taken), error(calibration(score), taken)
    assert before > 0.05
    assert after < 0.005


def test_the_order_stays_beyond_all_knots_too() -> None:
    calibration = Calibration.fit(*drawn(1))
    score = np.linspace(-40, 20, 2_000).astype(np.float32)
    probability = calibration(score)
    assert np.all(np.diff(probability) > 0)
    assert np.all((probability > 0) & (probability < 1))


def test_scores_that_say_nothing_mean_the_usual_share() -> None:
    taken = np.arange(1_000) % 10 == 0
    calibration = Calibration.fit(np.ones(1_000, np.float32), taken)
    np.testing.assert_allclose(calibration(np.ones(3, np.float32)), 0.1, rtol=1e-4)


def test_a_state_gives_the_same_calibration() -> None:
    calibration = Calibration.fit(*drawn(1, 500))
    score, _ = drawn(2, 500)
    np.testing.assert_array_equal(Calibration.of(calibration.state)(score), calibration(score))
