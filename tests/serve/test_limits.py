from __future__ import annotations

from endcap.serve import limits
from endcap.serve.limits import Buckets


def test_a_bucket_empties_and_fills() -> None:
    now = 0.0
    buckets = Buckets(rate=2.0, burst=3.0, clock=lambda: now)
    assert [buckets.take("ann") for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("bob") == 0
    now = 0.5
    assert [buckets.take("ann") for _ in range(2)] == [0, 1]
    now = 100.0
    assert [buckets.take("ann") for _ in range(4)] == [0, 0, 0, 1]


def test_it_says_how_long_to_wait() -> None:
    buckets = Buckets(rate=0.1, burst=1.0, clock=lambda: 0.0)
    assert [buckets.take("ann") for _ in range(2)] == [0, 10]


def test_those_who_stay_away_are_forgotten() -> None:
    buckets = Buckets(rate=1.0, burst=1.0, clock=lambda: 0.0)
    for number in range(limits.MOST + 10):
        buckets.take(number)
    assert len(buckets._left) == limits.MOST
