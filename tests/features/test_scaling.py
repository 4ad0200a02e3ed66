"""Numbers on a scale of the past."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from endcap.config import Scale
from endcap.tables.scaling import learned, scaled
from endcap.types import Floats

PAST = np.array([[0, 5, np.nan], [10, 5, np.nan], [4, 5, np.nan], [np.nan, 5, np.nan]], np.float32)

NOW = np.array([[-1, 5, 1], [5, 6, np.nan], [20, 4, 2], [np.nan, np.nan, np.nan]], np.float32)


def brought(way: Scale) -> Floats:
    found = scaled(way, learned(way, PAST), NOW)
    assert found.dtype == np.float32
    return found


def test_min_max_is_from_0_to_1() -> None:
    found = brought("min-max")
    np.testing.assert_array_equal(found[:, 0], [0, 0.5, 1, np.nan])
    np.testing.assert_array_equal(found[:, 1], [0, 0, 0, np.nan])


def test_standard_is_in_deviations_from_the_mean() -> None:
    mean, deviation = np.mean([0, 10, 4]), np.std([0, 10, 4])
    expected = [(x - mean) / deviation for x in (-1, 5, 20, np.nan)]
    np.testing.assert_allclose(brought("standard")[:, 0], expected, rtol=1e-6)


def test_quantile_is_the_share_of_the_past_below() -> None:
    past = np.arange(101, dtype=np.float32)[:, None] ** 2
    now = np.array([[-5], [0], [2_500], [10_000], [99_999]], np.float32)
    found = scaled("quantile", learned("quantile", past), now)
    np.testing.assert_allclose(found[:, 0], [0, 0, 0.5, 1, 1], atol=1e-6)


@pytest.mark.parametrize("way", get_args(Scale))
def test_what_is_missing_stays_so_and_nothing_else_is(way: Scale) -> None:
    np.testing.assert_array_equal(np.isnan(brought(way)), np.isnan(NOW))


@pytest.mark.parametrize("way", get_args(Scale))
def test_a_row_is_scaled_alone_as_among_many(way: Scale) -> None:
    past, whole = learned(way, PAST), brought(way)
    for row in range(len(NOW)):
        np.testing.assert_array_equal(scaled(way, past, NOW[[row]])[0], whole[row])
