from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.rules.diversity import Diversity
from endcap.types import Ranking
from tests.rules.shelf import rule
from tests.shops import catalogue, queries, ranking

GOODS = catalogue(8, categories=[1, 1, 1, 1, 2, 2, 0, 0], brands=[1, 2, 1, 3, 4, 4, 0, 0])


def arranged(folder: Path, lists: Ranking, **settings: Any) -> list[int]:
    items: list[int] = rule(Diversity, folder, GOODS, **settings).apply(queries([]), lists).item
    return [int(item) for item in items]


def test_what_resembles_the_items_above_moves_down(tmp_path: Path) -> None:
    found = arranged(tmp_path, ranking([0, 2, 1, 4, 5]), weight=0.4)
    assert found == [0, 4, 1, 2, 5]  # 2 is of the category and of the brand of 0


def test_the_two_ends_of_the_weight(tmp_path: Path) -> None:
    lists = ranking(range(8))
    assert arranged(tmp_path, lists, weight=0.0) == list(range(8))
    different = arranged(tmp_path, lists, weight=1.0, by=["category"])
    # One of each category, and those of none, which resemble nothing.
    assert different[:4] == [0, 4, 6, 7]


def test_only_the_first_places_are_arranged(tmp_path: Path) -> None:
    found = arranged(tmp_path, ranking([0, 2, 1, 4, 5]), weight=0.4, first=2)
    assert found == [0, 4, 2, 1, 5]


def test_it_is_the_greedy_choice_by_definition(tmp_path: Path) -> None:
    diversity = rule(Diversity, tmp_path, GOODS, weight=0.3)

    @given(st.permutations(range(8)), st.lists(st.integers(0, 3), min_size=8, max_size=8))
    def holds(items: list[int], marks: list[int]) -> None:
        scores = sorted((float(mark) for mark in marks), reverse=True)
        lists = ranking(items, scores=[scores])
        found = diversity.apply(queries([]), lists)
        assert found.item.tolist() == by_definition(items, scores, 0.3)
        again = diversity.apply(queries([]), found)
        assert again.item.tolist() == found.item.tolist()

    holds()


def by_definition(items: list[int], scores: list[float], weight: float) -> list[int]:
    relevance = {
        i: 11 / (11 + sum(s > t for s in scores)) for i, t in zip(items, scores, strict=True)
    }

    def alike(a: int, b: int) -> float:
        columns = (GOODS.category, GOODS.brand)
        return sum(0.5 for column in columns if column[a] == column[b] != 0)

    chosen: list[int] = []
    while len(chosen) < len(items):
        left = [item for item in items if item not in chosen]
        gains = [
            np.float32(1 - weight) * np.float32(relevance[item])
            - np.float32(weight) * np.float32(max((alike(item, one) for one in chosen), default=0))
            for item in left
        ]
        chosen.append(left[int(np.argmax(gains))])
    return chosen
