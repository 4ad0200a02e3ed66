"""It predicts ratings where there are some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.retrievers.biased_mf import BiasedMF, Settings
from endcap.stages import Run
from endcap.tables.schema import kind
from endcap.types import Ranking
from tests.shops import dataset, queries

RATE, VIEW = kind("rate"), kind("view")
SETTINGS = Settings(factors=8, shrink=0, epochs=40, batch=32, average=0.9, learning_rate=0.02)


def answers(folder: Path, ratings: list[float]) -> Ranking:
    """From 40 visitors who each rated eight items in an order by chance, to one who saw item 0.

    ratings: [8] of the items by all even visitors; the odd ones give one point more.
    """
    rng = np.random.default_rng(1)
    items = np.concatenate([rng.permutation(8) for _ in range(40)])
    users = np.repeat(np.arange(1, 41), 8)
    shop = dataset(
        folder,
        users=users.tolist(),
        items=items.tolist(),
        kinds=[RATE] * len(items),
        values=(np.array(ratings)[items] + users % 2).tolist(),
    )
    return BiasedMF.fit(SETTINGS, shop, None, Run(seed=3)).retrieve(queries([0]), 8)


def test_what_is_rated_best_comes_first_with_the_rating_of_a_usual_visitor(tmp_path: Path) -> None:
    lists = answers(tmp_path, [1, 4, 2, 3, 1, 1, 1, 1])
    assert lists.item[:3].tolist() == [1, 3, 2]
    np.testing.assert_allclose(lists.score[:3], [4.5, 3.5, 2.5], atol=0.3)


def test_how_often_something_is_rated_does_not_matter(tmp_path: Path) -> None:
    """Item 2 is rated once for each time that item 1 is rated five times, but higher."""
    each = [0, 1, 1, 1, 1, 1, 2]
    shop = dataset(
        tmp_path,
        users=np.repeat(np.arange(1, 31), len(each)).tolist(),
        items=each * 30,
        kinds=[RATE] * len(each) * 30,
        values=[3, 2, 2, 2, 2, 2, 5] * 30,
    )
    lists = BiasedMF.fit(SETTINGS, shop, None, Run(seed=3)).retrieve(queries([0]), 3)
    assert lists.item.tolist() == [2, 0, 1]


@pytest.mark.parametrize(("kinds", "value"), [(RATE, np.nan), (VIEW, 5.0)])
def test_only_ratings_are_ratings(tmp_path: Path, kinds: int, value: float) -> None:
    """Without any, what is often taken comes first: the others are as good as rated 0."""
    each = [0, 1, 0, 1, 2]
    shop = dataset(
        tmp_path,
        users=np.repeat(np.arange(1, 31), len(each)).tolist(),
        items=each * 30,
        kinds=[kinds] * len(each) * 30,
        values=[value] * len(each) * 30,
    )
    model = BiasedMF.fit(SETTINGS, shop, None, Run(seed=3))
    assert model.state["mean"] == 0
    assert model.retrieve(queries([2]), 3).score.max() < 2
