"""How far a visitor came with an item, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.tables.dataset import Dataset
from endcap.tables.funnel import Funnel
from endcap.tables.parts import Part
from endcap.tables.schema import kind
from tests.shops import DAY, dataset, ranking

VIEW, CART, BUY = (kind(name) for name in ("view", "add_to_cart", "purchase"))


def shop(folder: Path, targets: tuple[int, ...], kinds: tuple[int, ...] = (VIEW, CART)) -> Dataset:
    """
    day          0            1              2           3           4 (TEST)
    visitor 1    views 0      carts 0        buys 0      views 1     views 3
                              (VALIDATION from here)     carts 2
    """
    events = [
        (0, kinds[0], 0, Part.PAST),
        (0, kinds[1], 0, Part.PAST),
        (0, BUY, 2, Part.VALIDATION),
        (1, VIEW, 3, Part.VALIDATION),
        (2, CART, 3, Part.VALIDATION),
        (3, VIEW, 4, Part.TEST),
    ]
    items, types, days, parts = zip(*events, strict=True)
    return dataset(
        folder,
        [1] * len(events),
        items,
        kinds=types,
        times=[day * DAY for day in days],
        parts=parts,
        targets=targets,
    )


def labels(data: Dataset) -> tuple[Funnel, list[list[bool]]]:
    """Of items 0 to 3, at the first question."""
    funnel = Funnel.of(data.before(Part.VALIDATION))
    asked = data.asked(Part.VALIDATION).take(np.array([0]))
    return funnel, funnel.labels(asked, ranking([0, 1, 2, 3])).tolist()


def test_what_was_done_later_counts_for_the_steps_before_the_aim(tmp_path: Path) -> None:
    funnel, found = labels(shop(tmp_path, (BUY,)))
    assert (funnel.steps, funnel.aim) == (("view", "cart", "purchase"), 2)
    assert found == [
        [True, True, True],
        [True, False, False],
        [True, True, False],
        [False, False, False],  # that belongs to another part
    ]


def test_steps_behind_the_aim_ask_for_more_of_what_was_taken(tmp_path: Path) -> None:
    funnel, found = labels(shop(tmp_path, (VIEW, BUY), kinds=(CART, BUY)))
    assert (funnel.steps, funnel.aim) == (("view", "cart", "purchase"), 0)
    assert found[0] == [True, True, True]
    assert found[1:] == [[False] * 3] * 3


def test_a_log_has_only_the_steps_that_it_knows(tmp_path: Path) -> None:
    funnel, found = labels(shop(tmp_path, (BUY,), kinds=(BUY, BUY)))
    assert (funnel.steps, funnel.aim) == (("purchase",), 0)
    assert found == [[True], [False], [False], [False]]


@pytest.mark.parametrize("name", ["rate", "purchase"])
def test_an_aim_that_was_never_reached_is_a_step_all_the_same(tmp_path: Path, name: str) -> None:
    funnel = Funnel.of(shop(tmp_path, (kind(name),)).before(Part.VALIDATION))
    assert (funnel.steps, funnel.aim) == (("view", "cart", "purchase"), 2)
