"""An item that nobody has seen stands where its attributes put it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.retrievers.two_tower import Settings, TwoTower
from endcap.stages import Run
from endcap.tables.overlay import Overlay
from tests.shops import PURCHASE, Checkerboard, catalogue, checkerboard, dataset, queries

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


RED, BLUE, GREEN, BARE = range(20, 24)
"""Items that came since; of the last two the towers know no brand."""

ASKED = queries([0, 2, 4], [1, 3, 5])
"""Who takes red ones, and who takes blue ones."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TwoTower:
    shop = checkerboard(tmp_path_factory.mktemp("checkerboard"))
    return TwoTower.fit(SETTINGS, shop, None, Run(seed=3))


@pytest.fixture(scope="module")
def met(model: TwoTower, tmp_path_factory: pytest.TempPathFactory) -> TwoTower:
    shop = checkerboard(tmp_path_factory.mktemp("checkerboard"))
    brands = ("red", "blue", "green", None)
    new = [
        {"item_id": f"n{code}", "brand": brand, "price": 12.0, "gone": False}
        for code, brand in zip((RED, BLUE, GREEN, BARE), brands, strict=True)
    ]
    goods = Overlay.over(shop.catalogue).changed(new)
    return model.adopt(goods, goods.new)


def places(model: TwoTower, item: int) -> list[int]:
    """Of an item in both lists, 99 where it is not there."""
    lists = [model.retrieve(ASKED, 24).of(query).item.tolist() for query in (0, 1)]
    return [one.index(item) if item in one else 99 for one in lists]


def test_a_new_item_is_offered_to_those_who_take_its_brand(met: TwoTower) -> None:
    red, blue = places(met, RED), places(met, BLUE)
    assert red[0] < blue[0]
    assert blue[1] < red[1]
    assert max(*red, *blue) < 99
    assert {*places(met, GREEN), *places(met, BARE)} == {99}, "of which nothing is known"


def test_an_item_goes_to_who_takes_it(model: TwoTower, met: TwoTower) -> None:
    """Visitors of red items take a blue one, and one of which nothing was known."""
    times = 20
    codes = np.array([BLUE, BARE] * times, np.int32)
    pasts = queries(*[[0, 2, 4]] * len(codes))
    taught = met.learn(pasts, codes, np.full(len(codes), PURCHASE, np.int8))
    before, after = places(met, BLUE), places(taught, BLUE)
    assert after[0] < before[0]
    assert places(taught, BARE)[0] < places(taught, BARE)[1]
    np.testing.assert_array_equal(taught.items[:20], model.items[:20])


def test_what_the_towers_have_no_row_for_adds_nothing(model: TwoTower, met: TwoTower) -> None:
    """Its own vector, and names and prices that the fit never met."""
    starts = model.state["starts"]
    red, green = met.features.codes[[RED, GREEN]]
    assert red.tolist() == [starts[-1], starts[1], starts[2], starts[3] + 1, red[4]]
    assert green.tolist() == [starts[-1], starts[1], starts[2], starts[-1], red[4]]
    assert starts[4] <= red[4] < starts[5]
    assert not model.network.item.weight[starts[-1]].any()
