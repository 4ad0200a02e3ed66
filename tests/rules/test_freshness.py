from __future__ import annotations

from pathlib import Path

import pytest

from endcap.rules.freshness import Freshness
from tests.rules.shelf import rule
from tests.shops import DAY, START, catalogue, queries, ranking

NOW = START + 365 * DAY


def test_the_lift_is_halved_with_each_half_life(tmp_path: Path) -> None:
    came = [NOW, NOW - 10 * DAY, NOW - 20 * DAY, None, NOW + DAY]
    goods = catalogue(len(came), created_at=came)
    fresh = rule(Freshness, tmp_path, goods, lift=2.0, half_life=10)
    weights = fresh.weigh(queries([]), ranking(range(5)))
    assert weights.tolist() == pytest.approx([3, 2, 1.5, 1, 3])
