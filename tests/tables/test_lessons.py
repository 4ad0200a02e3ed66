"""A ranker learns from the earlier questions, and is judged by the later ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.errors import DataError
from endcap.tables.asked import Asked
from endcap.tables.dataset import Dataset
from endcap.tables.lessons import lessons
from endcap.types import Candidates, History, Ragged
from tests.shops import checkerboard, queries, ranking


def asked(truth: list[list[int]], times: list[int]) -> Asked:
    answers = Ragged.of(truth)
    nothing = np.zeros(len(answers.values), np.bool_)
    questions = replace(queries(*[[]] * len(truth)), times=np.array(times, np.int64))
    return Asked(questions, answers, nothing, nothing, History.empty(len(truth)))


def proposed(questions: int) -> Candidates:
    """Items 0 and 1 to everyone."""
    return Candidates.of({"popular": ranking(*[[0, 1]] * questions)})


@pytest.fixture
def board(tmp_path: Path) -> Dataset:
    return checkerboard(tmp_path)


def test_the_latest_fifth_is_held_out(board: Dataset) -> None:
    """Of ten questions with an answer, the two latest, and what was asked between them."""
    times = [5, 4, 3, 2, 1, 10, 9, 8, 7, 6, 95, 20]
    truth = [[0]] * 10 + [[9], [9]]
    times[5] = 100
    learnt, held = lessons(asked(truth, times), proposed(12), board, seed=1)
    assert learnt.tolist() == [0, 1, 2, 3, 4, 7, 8, 9]
    assert held.tolist() == [5, 6, 10, 11]


def test_where_times_say_nothing_chance_holds_out(tmp_path: Path) -> None:
    board = checkerboard(tmp_path, "leave-one-out")
    questions = asked([[0]] * 50, list(range(50)))
    learnt, held = lessons(questions, proposed(50), board, seed=1)
    assert len(held) == 10
    assert sorted([*learnt, *held]) == list(range(50))
    assert held.min() < 40


def test_two_questions_are_enough_and_one_is_not(board: Dataset) -> None:
    learnt, held = lessons(asked([[0], [1]], [2, 1]), proposed(2), board, seed=1)
    assert (learnt.tolist(), held.tolist()) == ([1], [0])
    with pytest.raises(DataError, match="Of 2 questions 1 have an answer"):
        lessons(asked([[0], [9]], [2, 1]), proposed(2), board, seed=1)
