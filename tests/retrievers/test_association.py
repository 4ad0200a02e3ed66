"""Frequently bought together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.retrievers.association import Association, Settings
from endcap.stages import Run
from endcap.tables.schema import kind
from tests.shops import DAY, catalogue, dataset, queries

HOUR = DAY // 24

BASKETS = ([0, 1], [0, 1, 2], [0, 2], [0, 1, 3], [2], [4], [4], [4])


def fitted(folder: Path, baskets: Sequence[Sequence[int]], **settings: Any) -> Association:
    """From baskets of one visitor, a day apart, an hour between two lines."""
    events = [
        (item, day * DAY + line * HOUR)
        for day, basket in enumerate(baskets)
        for line, item in enumerate(basket)
    ]
    items, times = zip(*events, strict=True)
    data = dataset(folder, users=[1] * len(items), items=items, times=times, goods=catalogue(6))
    chosen = Settings.model_validate({"pause_minutes": 60, "support": 1, **settings})
    return Association.fit(chosen, data, None, Run())


def test_a_long_pause_ends_a_basket(tmp_path: Path) -> None:
    model = fitted(tmp_path, BASKETS)
    assert model.state["baskets"].tolist() == [8]
    assert model.together.diagonal().tolist() == [4, 3, 3, 1, 3, 0]
    assert fitted(tmp_path, BASKETS, pause_minutes=59).state["baskets"].tolist() == [14]


@pytest.mark.parametrize(
    ("power", "score"), [(0, {1: 3 / 4, 2: 2 / 4, 3: 1 / 4}), (1, {1: 3 / 12, 2: 2 / 12, 3: 1 / 4})]
)
def test_confidence_or_lift_decides(tmp_path: Path, power: float, score: dict[int, float]) -> None:
    lists = fitted(tmp_path, BASKETS, power=power).retrieve(queries([0]), 9)
    found = dict(zip(lists.item.tolist(), lists.score.tolist(), strict=True))
    assert found == pytest.approx(score)


def test_a_rule_needs_support_and_lift(tmp_path: Path) -> None:
    """0 and 2 lie together in 2 of 8 baskets, where chance would have it in 4 · 3 / 8."""
    one = queries([0])
    assert fitted(tmp_path, BASKETS, support=2).retrieve(one, 9).item.tolist() == [1, 2]
    assert fitted(tmp_path, BASKETS, lift=1.4).retrieve(one, 9).item.tolist() == [1, 3]


def test_only_what_is_taken_lies_in_a_basket(tmp_path: Path) -> None:
    view, purchase = kind("view"), kind("purchase")
    data = dataset(
        tmp_path, users=[1] * 3, items=[0, 1, 2], kinds=[purchase, view, purchase], times=[0] * 3
    )
    model = Association.fit(Settings(support=1, lift=0), data, None, Run())
    assert np.argwhere(model.similarity.toarray()).tolist() == [[0, 2], [2, 0]]
