"""What each event is worth, of scores whose right answer is known by thought."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from endcap.nn.leaving import moved
from endcap.types import Push, Queries, Ranking
from tests.shops import queries, ranking

WORTH = np.array([[5, 0, -1], [1, 2, 0], [0, 4, 0]], np.float32)
"""[items of the history, items of the list] what an event adds to a score."""


def sums(asked: Queries) -> Tensor:
    """[queries, items] the scores: items have vectors whose product with them is their own."""
    scores = np.zeros((len(asked), 3), np.float32)
    np.add.at(scores, asked.history.rows, WORTH[asked.history.items])
    return torch.from_numpy(scores)


def of(asked: Queries, lists: Ranking, length: int = 10) -> list[list[Push]]:
    found = moved(sums, torch.eye(3), asked, lists, length)
    return [found[row] for row in range(len(found))]


def test_the_events_that_lift_a_score_are_named_the_strongest_first() -> None:
    found = of(queries([0, 1, 2]), ranking([0, 1, 2]))
    assert found == [[Push(2, 5.0), Push(1, 1.0)], [Push(0, 4.0), Push(1, 2.0)], []]


def test_each_query_is_asked_of_its_own_past() -> None:
    found = of(queries([0], [], [2, 1]), ranking([0, 1], [0], [1]))
    assert found == [[Push(0, 5.0)], [], [], [Push(1, 4.0), Push(0, 2.0)]]


def test_only_the_newest_events_count() -> None:
    assert of(queries([0, 1, 1]), ranking([0]), length=2) == [[Push(1, 1.0), Push(0, 1.0)]]


def test_nothing_is_asked_of_nothing() -> None:
    assert of(queries([0]), ranking([])) == []
    assert of(queries(), ranking()) == []
