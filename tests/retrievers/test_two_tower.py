"""An item that nobody has seen stands where its attributes put it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from endcap.retrievers.two_tower import Settings, TwoTower
from endcap.stages import Run
from tests.shops import Checkerboard, catalogue, dataset, queries

SETTINGS = Settings(
    dim=16, hidden=16, negatives=32, epochs=20, batch=32, average=0.9, own_dropout=0.3
)


def test_what_nobody_has_seen_is_offered_to_those_who_take_its_kind(tmp_path: Path) -> None:
    """Items 20 and 21 are new; their categories are those of the even and of the odd items."""
    colours = [1 + item % 2 for item in range(22)]
    goods = catalogue(22, categories=colours, brands=colours, prices=[10.0] * 22)
    shop = dataset(tmp_path, **Checkerboard().events(), goods=goods)
    model = TwoTower.fit(SETTINGS, shop, None, Run(seed=3))
    lists = model.retrieve(queries([0, 2, 4], [1, 3, 5]), 22)
    places = {
        (query, item): place
        for query, item, place in zip(
            lists.query.tolist(), lists.item.tolist(), lists.places.tolist(), strict=True
        )
    }
    assert places[0, 20] < places[0, 21]
    assert places[1, 21] < places[1, 20]


def test_an_item_is_told_by_its_attributes(tmp_path: Path) -> None:
    """Each column of codes has places of its own in the table, its first for what is not known."""
    prices = [1.0, 2.0, 3.0, 4.0, np.nan]
    goods = catalogue(5, categories=[0, 1, 2, 2, 3], brands=[2, 0, 1, 1, 1], prices=prices)
    shop = dataset(tmp_path, users=[1, 1], items=[0, 1], goods=goods)
    settings = SETTINGS.model_copy(update={"prices": 2, "epochs": 1})
    codes = TwoTower.fit(settings, shop, None, Run(seed=3)).state["codes"]
    own, categories, departments, brands = 5, 4, 3, 3
    starts = np.cumsum([0, own, categories, departments, brands])
    expected = [[0, 0, 0, 2, 1], [1, 1, 1, 0, 1], [2, 2, 1, 1, 2], [3, 2, 1, 1, 2], [4, 3, 2, 1, 0]]
    assert (codes - starts).tolist() == expected
