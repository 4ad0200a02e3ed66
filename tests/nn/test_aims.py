"""How far ahead an event's targets lie."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.nn.aims import Aims
from endcap.types import History

DRAWS = 20_000


def baskets() -> History:
    """One visitor with five moments of two lines each, and one with a single moment."""
    times = np.r_[np.repeat(np.arange(5), 2), 0, 0]
    codes = np.arange(len(times), dtype=np.int32)
    return History(np.array([0, 10, 12]), codes, (0 * codes).astype(np.int8), times)


def share_by_moment(aims: Aims, place: int, ahead: float) -> list[float]:
    """Of the draws for an event, how many lie one moment after its own, two, three, four."""
    places = np.full(DRAWS, place)
    target, learnt = aims.draw(places, np.random.default_rng(1), ahead)
    assert learnt.all()
    moments = (baskets().times[target] - baskets().times[place]).tolist()
    return [moments.count(further) / DRAWS for further in (1, 2, 3, 4)]


@pytest.mark.parametrize("place", [0, 1])
def test_each_moment_further_is_a_share_less_likely(place: int) -> None:
    aims = Aims.of(baskets(), None)
    assert share_by_moment(aims, place, 0.0) == [1, 0, 0, 0]
    found = share_by_moment(aims, place, 0.4)
    assert found == pytest.approx([0.6, 0.24, 0.096, 0.064], abs=0.02), "the last takes the rest"


def test_it_stops_before_a_moment_without_a_target() -> None:
    weight = np.ones(12, np.float32)
    weight[4:6] = 0
    aims = Aims.of(baskets(), weight)
    assert share_by_moment(aims, 0, 0.9) == [1, 0, 0, 0]
    assert share_by_moment(aims, 4, 0.5) == pytest.approx([0.5, 0.5, 0, 0], abs=0.02)


def test_who_has_no_next_moment_learns_nothing() -> None:
    _, learnt = Aims.of(baskets(), None).draw(np.array([8, 9, 10]), np.random.default_rng(1), 0.5)
    assert not learnt.any()
