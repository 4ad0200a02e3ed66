"""Weights of a join, learned from what was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.config import Config
from endcap.experiment.weights import Lessons, learn_weights
from endcap.experiment.work import rules_of
from endcap.recommender import Recommender
from endcap.retrievers.neighbours import Neighbours
from endcap.retrievers.popular import Popular
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from tests.shops import checkerboard


def lessons(seed: int, questions: int = 400, rows: int = 8) -> Lessons:
    """The first column tells what is taken, the second is noise."""
    rng = np.random.default_rng(seed)
    votes = rng.random((questions * rows, 2)).astype(np.float32)
    query = np.repeat(np.arange(questions, dtype=np.int32), rows)
    odds = (8 * votes[:, 0] + rng.gumbel(size=len(votes))).reshape(questions, rows)
    taken = np.zeros((questions, rows), np.bool_)
    taken[np.arange(questions), odds.argmax(1)] = True
    return Lessons(query, votes, taken.ravel())


def test_what_tells_counts_and_noise_does_not() -> None:
    weights = lessons(1).weights()
    assert weights[0] == 1
    assert weights[1] < 0.15


def test_what_misleads_counts_nothing() -> None:
    one = lessons(2)
    turned = Lessons(one.query, np.c_[one.votes[:, 0], 1 - one.votes[:, 0]], one.taken)
    assert turned.weights().tolist() == [1, 0]


def test_the_slope_is_that_of_the_loss() -> None:
    loss, at, step = lessons(3)._loss(), np.array([2.0, 0.5]), 1e-2
    for column, slope in enumerate(loss(at)[1]):
        aside = step * (np.arange(2) == column)
        measured = (loss(at + aside)[0] - loss(at - aside)[0]) / (2 * step)
        np.testing.assert_allclose(measured, slope, rtol=0.02, atol=1e-4)


def test_without_answers_all_count_alike() -> None:
    one = lessons(4, questions=3)
    assert Lessons(one.query, one.votes, np.zeros_like(one.taken)).weights().tolist() == [1, 1]
    nothing = one.keep(np.zeros_like(one.taken))
    assert nothing.weights().tolist() == [1, 1]


def learned(board: Dataset, **use: type[Retriever[Any]]) -> tuple[Recommender, dict[str, Any]]:
    """The join of some retrievers on the checkerboard, where colours say what is taken."""
    stages = {name: {"use": f"{cls.__module__}:{cls.__name__}"} for name, cls in use.items()}
    home = {"retrievers": list(use), "rules": ["already_taken"]}
    config = Config.model_validate({"retrievers": stages, "placements": {"home": home}})
    past = board.before(Part.VALIDATION)
    fitted = {name: cls.fit(cls.settings_type(), past, None, Run()) for name, cls in use.items()}
    rules = rules_of(config, past)
    system = Recommender(config, past.catalogue, fitted, None, rules)
    return learn_weights(system, board.asked(Part.VALIDATION), "home")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return checkerboard(tmp_path_factory.mktemp("board"))


def test_who_only_misleads_is_left_out(board: Dataset) -> None:
    system, steps = learned(board, popular=Popular, neighbours=Neighbours)
    assert steps["places without popular"]["low"] > 0
    weights = system.placement("home").weights
    assert weights["popular"] == 0
    assert weights["neighbours"] > 0


def test_who_stands_alone_stays(board: Dataset) -> None:
    system, _ = learned(board, popular=Popular)
    assert system.placement("home").weights_of(["popular"])[0] > 0
