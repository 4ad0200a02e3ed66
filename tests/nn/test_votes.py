"""What a history votes for, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from endcap.nn.votes import elect, reasons, votes_of
from endcap.types import Queries, Ragged
from endcap.types.sparse import Matrix
from tests.shops import queries

SIMILARITY: Matrix = sparse.csr_array(
    np.array([[0, 4, 2, 2, 0], [1, 0, 0, 3, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 5], "f4")
)


def votes(asked: Queries) -> Matrix:
    """The newest event of each visitor says 1, the one before it a half."""
    return votes_of(asked.history, 9, 0.5, 5)


def test_what_was_done_again_says_more_and_what_is_old_nothing() -> None:
    found = votes_of(queries([3, 1, 2, 1], []).history, 3, 0.5, 4)
    assert found.toarray().tolist() == [[0, 1.25, 0.5, 0], [0] * 4]


def test_what_the_whole_history_speaks_for_stands_first() -> None:
    asked = queries([0, 1], [], [1, 0])
    lists = elect(votes(asked), SIMILARITY, asked, 2)
    assert lists.query.tolist() == [0, 0, 2, 2]
    assert lists.item.tolist() == [3, 1, 1, 3]
    assert lists.score.tolist() == [4, 2, 4, 3.5]


def test_what_is_excluded_makes_way_and_equals_stand_in_their_order() -> None:
    asked = replace(queries([0], [0]), exclude=Ragged.of([[1], []]))
    lists = elect(votes(asked), SIMILARITY, asked, 2)
    assert lists.of(0).item.tolist() == [2, 3]
    assert lists.of(1).item.tolist() == [1, 2]


def test_what_no_query_may_be_answered_with() -> None:
    allowed = np.array([True, False, True, True, True])
    asked = replace(queries([0]), allowed=allowed)
    assert elect(votes(asked), SIMILARITY, asked, 9).item.tolist() == [2, 3]


def test_many_queries_are_answered_in_their_order() -> None:
    asked = queries(*[[0], [1]] * 300)
    lists = elect(votes(asked), SIMILARITY, asked, 1)
    assert lists.query.tolist() == list(range(600))
    assert lists.item.tolist() == [1, 3] * 300


def test_the_reasons_stand_by_their_share() -> None:
    asked = queries([0, 1], [2, 1, 0], [4])
    lists = elect(votes(asked), SIMILARITY, asked, 3)
    because = reasons(votes(asked), SIMILARITY, lists)
    found = {
        (query, item): because[row].tolist()
        for row, (query, item) in enumerate(zip(lists.query, lists.item, strict=True))
    }
    assert found == {
        (0, 3): [1, 0],
        (0, 1): [0],
        (0, 0): [1],
        (1, 1): [0],
        (1, 3): [0, 1],
        (1, 2): [0],
    }
