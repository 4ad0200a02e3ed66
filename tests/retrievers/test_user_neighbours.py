"""What those took who took the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.retrievers.user_neighbours import Settings, UserNeighbours
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.schema import kind
from endcap.types import Ragged
from tests.shops import catalogue, dataset, queries


@pytest.fixture
def log(tmp_path: Path) -> Dataset:
    """One took 0, 1, 2; two took 0 and 3; one took 4."""
    return dataset(
        tmp_path, users=[1, 1, 1, 2, 2, 3, 3, 4], items=[0, 1, 2, 0, 3, 3, 0, 4], goods=catalogue(6)
    )


def fitted(log: Dataset, **settings: float) -> UserNeighbours:
    return UserNeighbours.fit(Settings.model_validate(settings), log, None, Run())


def test_the_nearest_visitors_vote_by_their_cosine(log: Dataset) -> None:
    lists = fitted(log, shrink=0).retrieve(queries([0]), 9)
    assert lists.item.tolist() == [0, 3, 1, 2]
    np.testing.assert_allclose(lists.score[1:3], [2 / np.sqrt(2), 1 / np.sqrt(3)], rtol=1e-6)


def test_no_more_than_the_nearest_vote(log: Dataset) -> None:
    lists = fitted(log, neighbours=1).retrieve(queries([2, 1]), 9)
    assert lists.item.tolist() == [0, 1, 2]


def test_the_reasons_are_what_visitor_and_neighbours_have_in_common(log: Dataset) -> None:
    model, asked = fitted(log), queries([4, 1, 0])
    lists = model.retrieve(asked, 9)
    because = model.because(asked, lists)
    found = {item: because[row].tolist() for row, item in enumerate(lists.item.tolist())}
    assert found[3] == [0]
    assert found[2] == [0, 1]


def test_whoever_did_just_the_same_may_be_the_one_who_goes_on(log: Dataset) -> None:
    """Both came to 0 and 3; one of them, who has no code, takes 5."""
    model = fitted(log)
    later = model.learn(queries([3, 0]), np.array([5], np.int32), np.array([kind("rate")], np.int8))
    rows = Ragged(later.state["offsets"], later.state["column"])
    found = sorted(rows[row].tolist() for row in range(len(rows)))
    assert found == [[0, 1, 2], [0, 3], [0, 3, 5], [4]]
