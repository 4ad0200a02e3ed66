"""A map that is learned from pairs finds the partner of a vector that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.content.bridge import Bridge


@pytest.mark.parametrize("pairs", [10, 400], ids=["fewer pairs than numbers", "more"])
def test_a_linear_map_is_found_again(pairs: int) -> None:
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=(pairs, 4)).astype(np.float32)
    into, out_of = rng.normal(size=(4, 60)), rng.normal(size=(4, 20))
    given, wanted = (hidden @ one + 3 for one in (into, out_of))
    bridge = Bridge.fit(given[:-2].astype(np.float32), wanted[:-2].astype(np.float32), 1e-6)
    np.testing.assert_allclose(bridge(given[-2:].astype(np.float32)), wanted[-2:], atol=0.01)


def test_a_strong_pull_leaves_the_mean() -> None:
    rng = np.random.default_rng(1)
    given, wanted = (rng.normal(size=(50, 5)).astype(np.float32) for _ in range(2))
    found = Bridge.fit(given, wanted, 1e9)(given)
    np.testing.assert_allclose(found, np.broadcast_to(wanted.mean(0), found.shape), atol=1e-5)


def test_what_is_alike_stands_for_itself_until_pairs_teach_another() -> None:
    rng = np.random.default_rng(1)
    given = rng.normal(size=(200, 5)).astype(np.float32)
    strong, weak = (Bridge.fit(given, given[:, ::-1], pull, alike=True) for pull in (1e9, 1e-9))
    np.testing.assert_allclose(strong(given) - strong.target, given - given.mean(0), atol=1e-5)
    np.testing.assert_allclose(weak(given), given[:, ::-1], atol=1e-5)


def test_all_the_same_is_no_error() -> None:
    same = np.ones((5, 3), np.float32)
    np.testing.assert_allclose(Bridge.fit(same, 2 * same)(same), 2 * same)
