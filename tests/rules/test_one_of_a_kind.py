"""What people buy one of is not offered again; what they buy two of is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.rules.one_of_a_kind import OneOfAKind
from endcap.stages import Run
from endcap.tables.schema import kind
from endcap.types import History, Queries, Ragged
from tests.shops import DAY, START, catalogue, dataset, queries

TEA, WASHER, RARE = 1, 2, 3


@pytest.fixture
def rule(tmp_path: Path) -> Any:
    """Items 0–2 are tea, of which all take two in a basket, or another within the week; 3–5 are
    washing machines, of which all take one; 6 and 7 are of a kind that one visitor took."""
    goods = catalogue(9, categories=[TEA] * 3 + [WASHER] * 3 + [RARE] * 2 + [0])
    events = []
    for user in range(1, 41):
        day = user % 5
        events += [(user, user % 3, day), (user, (user + 1) % 3, day), (user, 3 + user % 3, day)]
        events += [(user, 8, day + 1), (user, user % 3, day + 8)]
    events += [(1, 6, 0), (1, 8, 60)]
    users, items, days = zip(*events, strict=True)
    times = [day * DAY for day in days]
    known = dataset(tmp_path, users, items, times=times, goods=goods)
    settings = OneOfAKind.settings_type(shrink=2.0, least=0.1)
    return OneOfAKind.fit(settings, known.catalogue, Run()).counted(known)


def page(*items: int) -> Queries:
    return replace(queries([]), anchors=Ragged.of([items]))


def test_beside_what_is_bought_once_no_other(rule: Any) -> None:
    assert set(rule.restrict(page(3)).exclude[0].tolist()) == {3, 4, 5}
    assert not len(rule.restrict(page(0)).exclude[0])
    assert set(rule.restrict(page(0, 4)).exclude[0].tolist()) == {3, 4, 5}


def test_little_is_known_of_a_rare_kind_and_nothing_of_none(rule: Any) -> None:
    assert not len(rule.restrict(page(6, 8)).exclude[0])


def test_what_was_bought_lately_counts_and_what_was_looked_at_does_not(rule: Any) -> None:
    asked = queries([3], [4], [5])
    now, view = asked.times[0], kind("view")
    times = np.array([now - 5 * DAY, now - 50 * DAY, now - 5 * DAY])
    kinds = np.array([kind("purchase"), kind("purchase"), view], np.int8)
    past = History(asked.history.offsets, asked.history.items, kinds, times)
    found = rule.restrict(replace(asked, history=past)).exclude
    assert [set(found[row].tolist()) for row in range(3)] == [{3, 4, 5}, set(), set()]


def test_a_log_without_categories_forbids_nothing(tmp_path: Path) -> None:
    known = dataset(tmp_path, [1, 2], [0, 1], times=[0, START // 1000])
    rule = OneOfAKind.fit(OneOfAKind.settings_type(least=1.0), known.catalogue, Run()).counted(
        known
    )
    assert not len(rule.restrict(page(0, 1)).exclude[0])


def test_what_was_counted_outlives_a_change_of_the_catalogue(rule: Any) -> None:
    """A third washing machine comes, and something of a new kind."""
    more = catalogue(11, categories=[TEA] * 3 + [WASHER] * 3 + [RARE] * 2 + [0, WASHER, 9])
    later = rule.renewed(more, Run())
    assert set(later.restrict(page(9)).exclude[0].tolist()) == {3, 4, 5, 9}
    assert not len(later.restrict(page(10)).exclude[0])
