"""A network sees more and less, whatever the feature's size, and what is missing."""

from __future__ import annotations

import numpy as np

from endcap.nn.scale import Scale


def test_values_become_their_place_among_those_of_the_past() -> None:
    past = np.exp(np.linspace(-5, 5, 101, dtype=np.float32))[:, None]
    scaled = Scale.fit(past)(np.array([[0], [1], [1e9]], np.float32))
    np.testing.assert_allclose(scaled, [[-1], [0], [1]], atol=1e-6)


def test_what_is_missing_is_zero_and_marked() -> None:
    past = np.array([[1, np.nan, np.nan], [3, 2, np.nan]], np.float32)
    scale = Scale.fit(past)
    assert scale.width == 3 + 2
    expected = [[-1, 0, 0, 1, 1], [0, 0, 0, 1, 0]]
    given = np.array([[1, np.nan, np.nan], [np.nan, np.nan, 7]], np.float32)
    scaled = scale(given)
    np.testing.assert_array_equal(scaled[:, :2], np.array(expected)[:, :2])
    np.testing.assert_array_equal(scaled[:, 3:], np.array(expected)[:, 3:])
    assert np.isfinite(scaled).all()


def test_what_is_without_end_is_missing() -> None:
    """Such as a price too large for a float."""
    past = np.array([[1, 1], [2, np.inf], [3, 3]], np.float32)
    scaled = Scale.fit(past)(np.array([[3, -np.inf], [1, 3]], np.float32))
    np.testing.assert_array_equal(scaled, [[1, 0, 1], [-1, 1, 0]])
