from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.rules.explore import Explore, Settings
from endcap.stages import ALONE
from endcap.tables.overlay import Overlay
from endcap.types import DAY, Queries, Ranking
from tests.rules.shelf import rule
from tests.shops import catalogue, dataset, queries, ranking

ITEMS = 8


def drawn(folder: Path, times: int, **settings: Any) -> Ranking:
    """The list 0, 1, 2, … as it is shown so many times."""
    explore = rule(Explore, folder, catalogue(ITEMS), **settings)
    lists: Ranking = explore.apply(asked(times), ranking(*[range(ITEMS)] * times))
    return lists


def asked(times: int) -> Queries:
    return replace(queries(*[[]] * times), seeds=np.arange(times) + 7)


def test_without_a_seed_nothing_is_left_to_chance(tmp_path: Path) -> None:
    explore = rule(Explore, tmp_path, catalogue(ITEMS), share=0.9)
    lists = explore.apply(queries([]), ranking(range(ITEMS)))
    assert lists.item.tolist() == list(range(ITEMS))
    assert lists.propensity is None


def test_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    first, second = (drawn(tmp_path / name, 20, share=0.5, cut=4) for name in ("1", "2"))
    assert first.item.tolist() == second.item.tolist()
    assert first.chances.tolist() == second.chances.tolist()
    assert len({tuple(first.of(query).item.tolist()) for query in range(20)}) > 5


def test_propensities_are_the_frequencies(tmp_path: Path) -> None:
    """Of 4,000 lists, each item comes to the first place as often as it is said to."""
    times = 4_000
    lists = drawn(tmp_path, times, share=0.4, cut=3, reach=2.0)
    first = lists.keep(lists.places == 1)
    assert set(first.item.tolist()) == {0, 3, 4, 5, 6, 7}
    for item in np.unique(first.item):
        own = first.item == item
        [said] = np.unique(first.chances[own])
        assert own.mean() == pytest.approx(said, abs=0.025)
    assert first.chances[first.item == 0][0] == pytest.approx(0.6)
    odds = {
        int(item): float(chance) for item, chance in zip(first.item, first.chances, strict=True)
    }
    assert odds[3] / odds[5] == pytest.approx(np.e)  # two places behind
    assert sum(odds.values()) == pytest.approx(1)


def test_an_estimate_by_propensities_is_right(tmp_path: Path) -> None:
    """What the list as it stands would earn at its first two places, from explored ones alone."""
    times, worth = 4_000, np.arange(ITEMS) % 5
    lists = drawn(tmp_path, times, share=0.5, cut=4, reach=5.0)
    rows = lists.item.reshape(times, ITEMS), lists.chances.reshape(times, ITEMS)
    same = (rows[0][:, :2] == [0, 1]).all(axis=1)
    weight = same / rows[1][:, :2].prod(axis=1)
    assert (weight * worth[rows[0][:, :2]].sum(axis=1)).mean() == pytest.approx(1, abs=0.1)
    assert weight.mean() == pytest.approx(1, abs=0.1)


def test_all_items_stay_and_those_behind_the_cut_in_their_order(tmp_path: Path) -> None:
    lists = drawn(tmp_path, 50, share=0.5, cut=3)
    for query in range(50):
        one = lists.of(query)
        assert sorted(one.item.tolist()) == list(range(ITEMS))
        assert one.item[3:].tolist() == sorted(one.item[3:].tolist())
        assert one.chances[3:].tolist() == [1] * (ITEMS - 3)


@pytest.mark.parametrize("length", [1, 3])
def test_where_nothing_stands_behind_the_cut_nothing_is_drawn(tmp_path: Path, length: int) -> None:
    explore = rule(Explore, tmp_path, catalogue(ITEMS), share=0.9, cut=3)
    lists = explore.apply(asked(1), ranking(range(length)))
    assert lists.item.tolist() == list(range(length))
    assert lists.chances.tolist() == [1] * length


def test_what_is_behind_the_cut_can_run_out(tmp_path: Path) -> None:
    lists = drawn(tmp_path, 30, share=0.99, cut=7)
    assert set(lists.of(0).item.tolist()) == set(range(ITEMS))
    assert np.all(lists.chances > 0)


def test_items_that_the_models_do_not_know_are_explored_too() -> None:
    """As if they stood right behind the cut, the newest first, and only where chance has a say."""
    came = [{"item_id": f"n{number}", "gone": False} for number in range(12)]
    goods = Overlay.over(catalogue(ITEMS)).changed(came)
    explore = Explore.fit(Settings(share=0.5, cut=5, reach=3.0, new=4), goods, ALONE)
    newest = [int(code) for code in goods.new[::-1][:4]]
    plain = queries(*[[]] * 400)
    assert explore.wants(plain) is None
    asked = replace(plain, seeds=np.arange(400))
    wanted = explore.wants(asked)
    assert wanted is not None
    assert wanted[0].tolist() == newest
    lists = ranking(*[[*range(ITEMS), *newest]] * 400)
    shown = explore.apply(asked, lists)
    first = shown.keep(shown.places <= 5)
    times = [int((first.item == code).sum()) for code in newest]
    assert times[0] > times[3] > 0
    assert sum(times) > int(((first.item >= 5) & (first.item < ITEMS)).sum()) / 2
    assert np.all(shown.chances > 0)


def test_what_the_log_hardly_knows_is_explored_until_it_graduates(tmp_path: Path) -> None:
    """Item 7 came yesterday, item 6 a week ago; item 5 is as new, but has graduated."""
    end, hour = 100 * DAY, DAY // 24
    moments = {5: [n * hour for n in range(3, 15)], 6: [7 * DAY], 7: [DAY], 0: [90 * DAY, 1]}
    rows = [(item, end - ago) for item, own in moments.items() for ago in own]
    items, times = zip(*rows, strict=True)
    log = dataset(tmp_path, [1] * len(rows), items, times=times)
    explore = rule(Explore, tmp_path, log.catalogue, days=28, graduates=10).counted(log)
    assert explore.state["new"].tolist() == [7, 6]
    assert explore.renewed(log.catalogue, ALONE).state["new"].tolist() == [7, 6]
