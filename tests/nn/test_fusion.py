"""What items say is heard alike by the sequence, the two towers and the deep ranker; see
tests/retrievers/test_described.py for the sequence."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from endcap.nn.fusion import Content
from endcap.rankers.deep import DeepRanker
from endcap.retrievers.two_tower import TwoTower
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.parts import Part
from endcap.types import Candidates, Queries, Ranking
from tests.contracts.found import settings
from tests.shops import DAY, PURCHASE, catalogue, dataset, queries

KINDS = ("red wool scarf", "blue steel lamp", "green tea box")

ITEMS = 15
"""Five of each kind, one after the other. The fourth of each is first taken on the last day, the
fifth never."""

LATE = [9, 10, 11]

TEXT = {"text": {"use": "endcap.encoders.text_hashing:TextHashing", "dim": 8}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Who takes an item takes another of the same kind next. Nothing but titles says what kind."""
    rng, users, days = np.random.default_rng(1), 90, 6
    kinds = np.repeat(np.arange(users) % 3, days)
    place = rng.integers(0, 3, len(kinds))
    last = np.tile(np.arange(days) == days - 1, users)
    place[last] = rng.integers(0, 4, users)
    titles = [f"{KINDS[item % 3]} {'abcdefghijklmno'[item]}" for item in range(ITEMS)]
    return dataset(
        tmp_path_factory.mktemp("shop"),
        users=np.repeat(np.arange(1, users + 1), days).tolist(),
        items=(kinds + 3 * place).tolist(),
        times=np.tile(np.arange(days) * DAY, users).tolist(),
        parts=np.tile([Part.PAST] * (days - 1) + [Part.RANKER], users).tolist(),
        goods=catalogue(ITEMS, title=titles, prices=[10.0] * ITEMS),
    )


def test_copies_of_a_network_share_what_encoders_say() -> None:
    """A training holds two more of it, and what is said is the largest part of many."""
    one = Content({"text": np.ones((3, 4), np.float32)}, dim=2)
    assert copy.deepcopy(one).vectors["text"].data_ptr() == one.vectors["text"].data_ptr()


def told(data: Dataset, *titles: str | None) -> Overlay:
    """The catalogue with further items."""
    new = [
        {"item_id": f"i{ITEMS + place}", "title": title, "price": 10.0, "gone": False}
        for place, title in enumerate(titles)
    ]
    return Overlay.over(data.catalogue).changed(new)


def towers(data: Dataset, content: dict[str, Any]) -> TwoTower:
    own = settings(TwoTower, content=content, own_dropout=0.3)
    return TwoTower.fit(own, data.before(Part.RANKER), None, Run(seed=3))


@pytest.fixture(scope="module")
def tower(data: Dataset) -> TwoTower:
    return towers(data, TEXT)


def answered(model: TwoTower, item: int, n: int) -> set[int]:
    """The best for who has taken one item five times."""
    return set(model.retrieve(queries([item] * 5), n).item.tolist())


def test_towers_put_what_nobody_has_touched_among_what_is_like_it(tower: TwoTower) -> None:
    for kind in range(3):
        assert answered(tower, kind, 5) == set(range(kind, ITEMS, 3))


def test_towers_read_a_past_of_what_nobody_had_touched(tower: TwoTower) -> None:
    assert answered(tower, 11, 3) <= set(range(2, ITEMS, 3))


def test_towers_put_a_new_item_where_its_content_does(data: Dataset, tower: TwoTower) -> None:
    goods = told(data, f"{KINDS[1]} new", None)
    met = tower.adopt(goods, goods.new)
    assert answered(met, 1, 6) == {*range(1, ITEMS, 3), ITEMS}
    assert ITEMS + 1 not in answered(met, 1, ITEMS + 2), "of which nothing is known"
    assert answered(met, ITEMS, 6) == {*range(1, ITEMS, 3), ITEMS}


def test_another_process_has_the_towers_that_a_lesson_left(data: Dataset, tower: TwoTower) -> None:
    goods = told(data, f"{KINDS[1]} new", None)
    pasts, codes = queries(*[[0, 3]] * 9), np.full(9, ITEMS + 1, np.int32)
    one = tower.adopt(goods, goods.new).learn(pasts, codes, np.full(9, PURCHASE, np.int8))
    other = tower.taught(one.arrays)
    asked = queries([0, 3], [ITEMS], [ITEMS + 1, 4])
    here, there = (model.retrieve(asked, ITEMS + 2) for model in (one, other))
    np.testing.assert_array_equal(here.item, there.item)
    np.testing.assert_array_equal(here.score, there.score)
    assert here.of(0).item.tolist().index(ITEMS + 1) < 6, "whoever takes scarves took it"


def test_an_encoder_that_knows_nothing_changes_nothing(data: Dataset) -> None:
    """There is no description."""
    silent = {"text": {**TEXT["text"], "fields": ["description"]}}
    one, other = (towers(data, content) for content in ({}, silent))
    assert set(one.state) == set(other.state)
    np.testing.assert_array_equal(one.items.numpy(), other.items.numpy())


def candidates(asked: Queries, items: int) -> Candidates:
    """All items for each query, in an order that says nothing."""
    score = np.random.default_rng(5).random((len(asked), items), np.float32)
    query, item = np.divmod(np.arange(score.size, dtype=np.int32), items)
    lists = {"all": Ranking.sort(query, item.astype(np.int32), score.ravel())}
    return Candidates.of(lists).joined([1.0, 0.0], constant=10.0)


def ranked(data: Dataset, content: dict[str, Any]) -> list[DeepRanker]:
    """Of several seeds: what one alone says of so few items turns on the last bit of a product,
    which processors have differently."""
    known, asked = data.before(Part.RANKER), data.asked(Part.RANKER)
    own = settings(DeepRanker, content=content, epochs=30, learning_rate=0.01)
    given = candidates(asked.queries, ITEMS)
    return [DeepRanker.fit(own, known, asked, given, Run(seed=seed)) for seed in range(5)]


def kinds_of_first(models: list[DeepRanker], goods: Catalogue, items: list[int]) -> list[int]:
    """For a visitor of each kind, the kind of that one of some items that all models together put
    before the others."""
    asked = queries([0, 3, 6, 3], [1, 4, 7, 1], [2, 5, 8, 8])
    total = np.zeros((3, len(goods)))
    for model in models:
        ranking = model.rank(asked, candidates(asked, len(goods)), goods)
        for kind in range(3):
            total[kind, ranking.of(kind).item] += ranking.of(kind).score
    return [items[int(np.argmax(row[items]))] % 3 for row in total]


@pytest.fixture(scope="module")
def hears(data: Dataset) -> list[DeepRanker]:
    return ranked(data, TEXT)


def test_a_ranker_that_a_fit_goes_on_with_hears_items_by_their_new_codes(
    data: Dataset, hears: list[DeepRanker]
) -> None:
    """All items in the other order."""
    last, score = ITEMS - 1, np.random.default_rng(5).random((1, ITEMS), np.float32)
    order, there = np.arange(last, -1, -1), data.catalogue
    goods = Catalogue(there.table.take(order), there.features.take(order))
    before, after = (
        model.rank(queries(past), Candidates.of({"all": Ranking.best(scores, ITEMS)}), items)
        for model, past, scores, items in (
            (hears[0], [0, 3, 6], score, there),
            (hears[0].over(goods, Run()), [last, last - 3, last - 6], score[:, ::-1], goods),
        )
    )
    np.testing.assert_array_equal(last - after.item, before.item)
    np.testing.assert_allclose(after.score, before.score, rtol=1e-5)


def test_a_ranker_tells_by_content_what_else_does_not_tell(
    data: Dataset, hears: list[DeepRanker]
) -> None:
    deaf = ranked(data, {})
    assert kinds_of_first(hears, data.catalogue, LATE) == [0, 1, 2]
    assert kinds_of_first(deaf, data.catalogue, LATE) != [0, 1, 2]
    goods = told(data, *(f"{one} new" for one in KINDS))
    met = [one.adopt(goods, goods.new) for one in hears]
    assert kinds_of_first(met, goods, list(range(ITEMS, ITEMS + 3))) == [0, 1, 2]
