"""The linear model against its formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.errors import TrainingError
from endcap.retrievers import ease
from endcap.retrievers.ease import EASE, Settings
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from tests.shops import catalogue, dataset

USERS, ITEMS = 40, 9


@pytest.fixture(scope="module")
def taken() -> np.ndarray:
    """[users, items] what everybody took; item 0 is the rarest, the last is for all."""
    rng = np.random.default_rng(1)
    taken = rng.random((USERS, ITEMS)) < np.linspace(0.1, 0.6, ITEMS)
    taken[:, -1] = True
    return taken


@pytest.fixture(scope="module")
def log(taken: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    user, item = np.nonzero(taken)
    folder = tmp_path_factory.mktemp("log")
    return dataset(folder, (user + 1).tolist(), item.tolist(), goods=catalogue(ITEMS))


def fitted(log: Dataset, **settings: Any) -> EASE:
    return EASE.fit(Settings.model_validate({"regularization": 2, **settings}), log, None, Run())


def expected(taken: np.ndarray) -> np.ndarray:
    """The positive weights, by the book."""
    inverse = np.linalg.inv(taken.T.astype(float) @ taken + 2 * np.eye(taken.shape[1]))
    weights = -inverse / np.diag(inverse)
    positive: np.ndarray = np.maximum(weights, 0)
    return positive


@pytest.mark.parametrize("block", [2, 256])
def test_the_weights_solve_the_least_squares(
    log: Dataset, taken: np.ndarray, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "BLOCK", block)
    found = fitted(log).similarity.toarray()
    np.testing.assert_allclose(found, expected(taken), rtol=1e-3, atol=1e-6)


def test_only_the_most_frequent_items_take_part(log: Dataset, taken: np.ndarray) -> None:
    often = np.sort(np.argsort(-taken.sum(0), kind="stable")[:4])
    found = fitted(log, items=4).similarity.toarray()
    whole = np.zeros((ITEMS, ITEMS))
    whole[np.ix_(often, often)] = expected(taken[:, often])
    np.testing.assert_allclose(found, whole, rtol=1e-3, atol=1e-6)


def test_the_largest_weights_are_kept(log: Dataset, taken: np.ndarray) -> None:
    found = fitted(log, keep=1).similarity.toarray()
    np.testing.assert_allclose(found.max(1), expected(taken).max(1), rtol=1e-3)
    assert np.count_nonzero(found, axis=1).max() == 1


def test_what_cannot_be_solved_is_told(tmp_path: Path) -> None:
    """Two items that the same four visitors took can't be told apart."""
    alike = dataset(tmp_path, users=[1, 1, 2, 2, 3, 3, 4, 4], items=[0, 1] * 4)
    with pytest.raises(TrainingError, match="Raise `regularization`"):
        fitted(alike, regularization=1e-30)
