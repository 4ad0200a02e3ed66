"""Items that the same visitors took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.retrievers.item_neighbours import ItemNeighbours, Settings
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES, kind
from tests.shops import dataset

VIEW, PURCHASE = kind("view"), kind("purchase")


def cosines(data: Dataset, shrink: float = 0.0, most: int = 9) -> np.ndarray:
    model = ItemNeighbours.fit(Settings(shrink=shrink, most=most), data, None, Run())
    return model.similarity.toarray()


def test_the_cosine_of_two_audiences(tmp_path: Path) -> None:
    """Three took item 0, two of them item 1 too, the third item 2."""
    data = dataset(tmp_path, users=[1, 1, 2, 2, 2, 3, 3], items=[0, 1, 1, 0, 0, 2, 0])
    expected = [
        [0, 2 / np.sqrt(3 * 2), 1 / np.sqrt(3)],
        [2 / np.sqrt(3 * 2), 0, 0],
        [1 / np.sqrt(3), 0, 0],
    ]
    np.testing.assert_allclose(cosines(data), expected, rtol=1e-6)
    assert cosines(data, shrink=5.0)[0, 1] == pytest.approx(2 / (np.sqrt(6) + 5))


def test_a_visitors_strongest_event_counts(tmp_path: Path) -> None:
    """Who bought item 0 only looked at item 1, which another one bought."""
    data = dataset(
        tmp_path, users=[1, 1, 1, 2], items=[0, 0, 1, 1], kinds=[VIEW, PURCHASE, VIEW, PURCHASE]
    )
    weight = [0.25 if name == "view" else 1.0 for name in EVENT_TYPES]
    data = replace(data, kind_weights=np.array(weight, np.float32))
    assert cosines(data)[0, 1] == pytest.approx(0.25 / np.sqrt(1 + 0.25**2))


def test_of_many_items_of_a_visitor_the_first_count(tmp_path: Path) -> None:
    data = dataset(tmp_path, users=[1, 1, 1, 1], items=[2, 0, 2, 1])
    assert np.argwhere(cosines(data, most=2)).tolist() == [[0, 2], [2, 0]]
