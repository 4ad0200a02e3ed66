"""Beside tea only tea, whoever else asks at the same time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.rules.same_category import SameCategory
from endcap.types import Queries, Ragged
from tests.rules.shelf import rule
from tests.shops import catalogue, queries

TEA, CUPS = 1, 2


def permitted(asked: Queries) -> list[list[int]]:
    """For each query the items that may be answered, of six."""
    rows = np.repeat(np.arange(len(asked), dtype=np.int32), 6)
    items = np.tile(np.arange(6, dtype=np.int32), len(asked))
    free = asked.permits(rows, items)
    return [items[free & (rows == row)].tolist() for row in range(len(asked))]


def test_each_gets_what_goes_with_the_page(tmp_path: Path) -> None:
    """Alone, with others at the same page, with others elsewhere, and with somebody nowhere."""
    known = rule(SameCategory, tmp_path, catalogue(6, categories=[TEA] * 3 + [CUPS] * 2 + [0]))
    pages = {(0,): [0, 1, 2], (4,): [3, 4], (1, 3): [0, 1, 2, 3, 4], (): [0, 1, 2, 3, 4, 5]}
    for crowd in ([(0,)], [(0,), (0,)], [()], [(), ()], list(pages)):
        asked = replace(queries(*[[]] * len(crowd)), anchors=Ragged.of(crowd))
        assert permitted(known.restrict(asked)) == [pages[page] for page in crowd]


@pytest.mark.parametrize(("page", "kept"), [([5], [0, 1, 2, 3, 4, 5]), ([5, 3], [3, 4])])
def test_an_item_without_a_category_says_nothing(
    page: list[int], kept: list[int], tmp_path: Path
) -> None:
    known = rule(SameCategory, tmp_path, catalogue(6, categories=[TEA] * 3 + [CUPS] * 2 + [0]))
    for crowd in ([page], [page, [0]]):
        asked = replace(queries(*[[]] * len(crowd)), anchors=Ragged.of(crowd))
        assert permitted(known.restrict(asked))[0] == kept
