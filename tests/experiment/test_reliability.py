"""Probabilities against what happened, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.experiment.reliability import reliability
from endcap.types import Ranking


def lists(scores: list[float]) -> Ranking:
    rows = np.zeros(len(scores), np.int32)
    return Ranking(rows, rows, np.array(scores, np.float32))


def test_promises_that_are_kept_have_no_error() -> None:
    ranking = lists([0.5] * 1_000 + [0.1] * 1_000)
    taken = np.r_[np.arange(1_000) % 2 == 0, np.arange(1_000) % 10 == 0]
    found = reliability(ranking, taken)
    assert found["expected_calibration_error"] == pytest.approx(0, abs=0.01)
    assert found["brier"] == pytest.approx((0.25 + 0.09) / 2)
    assert found["predicted"] == pytest.approx(found["observed"]) == pytest.approx(0.3)
    assert sum(one["count"] for one in found["bins"]) == found["items"] == 2_000


def test_each_bin_promises_as_many_hits() -> None:
    scores = np.random.default_rng(1).beta(0.1, 3, 50_000)
    found = reliability(lists(scores.tolist()), scores > 0.5)
    promised = [one["predicted"] * one["count"] for one in found["bins"]]
    assert len(promised) == 10
    np.testing.assert_allclose(promised, np.mean(promised), rtol=0.01)
    assert np.all(np.diff([one["predicted"] for one in found["bins"]]) > 0)


def test_the_error_is_how_far_promises_are_off() -> None:
    found = reliability(lists([0.8] * 100), np.arange(100) < 30)
    assert found["expected_calibration_error"] == pytest.approx(0.5, abs=1e-6)
    assert found["brier"] == pytest.approx(0.3 * 0.04 + 0.7 * 0.64)


def test_what_only_fills_a_list_up_promised_nothing() -> None:
    found = reliability(lists([0.5, -1.0, -2.0]), np.array([True, True, False]))
    assert found["items"] == 1
    assert found["observed"] == 1.0


def test_no_item_has_no_error() -> None:
    found = reliability(lists([]), np.zeros(0, np.bool_))
    assert (found["items"], found["bins"], found["brier"]) == (0, [], 0.0)
