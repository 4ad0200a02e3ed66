"""What a scorer of all items answers, and what that is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endcap.nn.scoring import best, ndcg
from endcap.tables.dataset import Asked
from endcap.types import Floats, History, Queries, Ragged
from tests.shops import queries


def rising(asked: Queries) -> Floats:
    """The same for everyone: item 11 first, item 0 last."""
    return np.tile(np.arange(12, dtype=np.float32), (len(asked), 1))


def asked(past: list[list[int]], truth: list[list[int]]) -> Asked:
    answers = Ragged.of(truth)
    nothing = np.zeros(len(answers.values), np.bool_)
    return Asked(queries(*past), answers, nothing, nothing, History.empty(len(past)))


def test_whoever_has_a_past_is_answered_with_what_is_permitted() -> None:
    questions = replace(queries([1], [], [2]), exclude=Ragged.of([[11], [], []]))
    lists = best(rising, questions, 2, 12)
    assert lists.query.tolist() == [0, 0, 2, 2]
    assert lists.item.tolist() == [10, 9, 11, 10]


def test_many_queries_are_answered_in_their_order() -> None:
    lists = best(rising, queries(*[[1]] * 600), 1, 12)
    assert lists.query.tolist() == list(range(600))


def test_the_gain_of_an_answer_falls_with_its_place() -> None:
    assert ndcg(rising, asked([[1]], [[11]]), 12) == 1.0
    assert ndcg(rising, asked([[1]], [[9]]), 12) == pytest.approx(0.5)
    assert ndcg(rising, asked([[1]], [[1]]), 12) == 0.0, "it stands behind the first ten"


def test_several_answers_are_measured_against_the_best_order_of_them() -> None:
    assert ndcg(rising, asked([[1]], [[11, 10]]), 12) == pytest.approx(1.0)
    assert ndcg(rising, asked([[1]], [[11, 9]]), 12) == pytest.approx(1.5 / (1 + 1 / np.log2(3)))


def test_a_question_without_a_past_counts_as_missed() -> None:
    assert ndcg(rising, asked([[1], []], [[11], [11]]), 12) == 0.5
    assert ndcg(rising, asked([], []), 12) == 0.0
