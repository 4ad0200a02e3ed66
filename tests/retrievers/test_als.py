"""Alternating least squares where events differ in what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from endcap.retrievers.als import ALS
from endcap.tables.schema import kind
from tests.contracts.found import learned
from tests.shops import PURCHASE, dataset, queries

VIEW = kind("view")


def test_an_event_that_says_nothing_is_none(tmp_path: Path) -> None:
    """Whoever took 0 took 1, and looked at 3, which by the shop's settings says nothing."""
    users, items = [1, 1, 2, 2, 3, 3, 4, 4], [0, 1, 0, 1, 2, 3, 2, 3]
    plain = dataset(tmp_path / "plain", users, items)
    kinds = [PURCHASE] * len(users) + [VIEW] * 2
    seen = dataset(tmp_path / "seen", [*users, 1, 2], [*items, 3, 3], kinds=kinds)
    says = np.ones_like(seen.kind_weights)
    says[VIEW] = 0
    seen = replace(seen, kind_weights=says)
    without, among = (
        learned(ALS, one, factors=4).retrieve(queries([0]), 4) for one in (plain, seen)
    )
    np.testing.assert_array_equal(among.item, without.item)
    np.testing.assert_allclose(among.score, without.score, rtol=1e-5)
