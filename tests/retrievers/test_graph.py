"""Walks on a graph of facts and visitors, and the ways by which they came."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from endcap.reasons import Reason
from endcap.retrievers.graph import GraphWalk
from endcap.serve.reasons import described
from endcap.stages import Retriever
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.schema import TRIPLES
from endcap.types import Tie
from tests.contracts.found import learned
from tests.shops import catalogue, dataset, queries, ranking


@pytest.fixture
def shop(tmp_path: Path) -> Dataset:
    """0 and 1 are of one brand, 0 and 2 were taken by the same visitor, 3 was made by who made 2,
    4 comes with 0, and 5 stands alone. Nobody took 1, 3, 4."""
    goods = catalogue(
        6,
        brand=["Acme", "acme ", None, None, None, None],
        attributes=[json.dumps({"also_bought": ["i4"], "grams": 5}), *[None] * 4, '{"x": '],
    )
    facts = [("i2", "made_by", "Ann"), ("thing", "made_by", "Ann"), ("i3", "is", "thing")]
    triples = pa.table(dict(zip(TRIPLES.names, map(list, zip(*facts, strict=True)), strict=True)))
    goods = Catalogue(goods.table, goods.features, triples)
    known = dataset(tmp_path, [1, 1, 2, 2, 3], [0, 2, 0, 2, 5], goods=goods)
    return Dataset(**{**vars(known), "catalogue": goods})


def test_a_walk_reaches_what_nobody_took(shop: Dataset) -> None:
    found = learned(GraphWalk, shop).retrieve(queries([0], [5], []), 6)
    assert set(found.of(0).item.tolist()) >= {1, 2, 3, 4}
    assert 5 not in found.of(0).item
    assert set(found.of(1).item.tolist()) <= {5}
    assert len(found.of(2)) == 0


def test_without_facts_it_goes_by_visitors_alone(shop: Dataset) -> None:
    found = learned(GraphWalk, shop, facts=0).retrieve(queries([0]), 6)
    assert set(found.item.tolist()) == {0, 2}
    some = learned(GraphWalk, shop, facts=0, weights={"brand": 1.0}).retrieve(queries([0]), 6)
    assert set(some.item.tolist()) == {0, 1, 2}


def test_a_closer_relation_counts_more(shop: Dataset) -> None:
    near = learned(GraphWalk, shop, weights={"brand": 5.0}).retrieve(queries([0]), 6)
    assert near.item[near.item != 0][0] == 1
    with_it = learned(GraphWalk, shop, weights={"goes with": 50.0}).retrieve(queries([0]), 6)
    assert with_it.item[with_it.item != 0][0] == 4


def test_who_speaks_for_an_item_and_by_what(shop: Dataset) -> None:
    model = learned(GraphWalk, shop)
    spoken = model.because(queries([5, 2, 0]), ranking([1, 3, 5]))
    assert spoken is not None
    assert spoken[0].tolist()[0] == 0
    assert spoken[1].tolist()[0] == 2
    assert spoken[2].tolist() == [], "an item does not speak for itself"
    pairs = [(0, 1), (0, 4), (2, 3), (0, 2), (5, 1)]
    assert [model.ties(np.array([a], np.int32), b) for a, b in pairs] == [
        [Tie("same", "brand")],
        [Tie("with")],
        [Tie("same", "made by")],
        [Tie("with")],
        [None],
    ]


def test_ways_become_a_sentence(shop: Dataset) -> None:
    past = queries([0, 2]).history
    reason = Reason("because", (0, 2, 5), (Tie("same", "brand"), Tie("with"), None))
    assert described(reason, 1, past, shop.catalogue)["text"] == (
        "Same brand as i0 that you bought, goes with i2 that you bought"
    )
    assert described(reason, 1, past, shop.catalogue, "zh")["text"] == (
        "与您买过的“i0”同brand，与您买过的“i2”相配"
    )
    page = Reason("similar", (0,), (Tie("same", "brand"),))
    assert described(page, 1, past, shop.catalogue)["text"] == "Same brand as i0"


def come(shop: Dataset, *items: dict[str, Any]) -> Overlay:
    return Overlay.over(shop.catalogue).changed([{"gone": False, **one} for one in items])


def adopted(model: Retriever[Any], goods: Overlay, first: int = 6) -> Retriever[Any]:
    met = model.adopt(goods, np.arange(first, len(goods), dtype=np.int32))
    assert met is not None
    return met


def test_an_item_that_came_since_is_reached_by_its_facts_and_leads_on(shop: Dataset) -> None:
    model = learned(GraphWalk, shop)
    new = [{"item_id": "n6", "brand": "ACME"}, {"item_id": "n7", "brand": "unheard of"}]
    met = adopted(model, come(shop, *new))
    found = met.retrieve(queries([1], [6], [7], [1, 6]), 9)
    assert 6 in found.of(0).item
    assert 7 not in found.item, "nothing leads there"
    assert {0, 1, 4} <= set(found.of(1).item.tolist())
    assert len(found.of(2)) == 0
    spoken = met.because(queries([1], [6]), ranking([6], [1]))
    assert spoken is not None
    assert [spoken[row].tolist() for row in (0, 1)] == [[1], [6]]
    assert met.ties(np.array([1, 5], np.int32), 6) == [Tie("same", "brand"), None]
    old = replace(queries([0], [2]), allowed=np.arange(8) < 6)
    same, before = met.retrieve(old, 6), model.retrieve(queries([0], [2]), 6)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_allclose(same.score, before.score, rtol=1e-5)


def test_it_is_reached_as_one_of_the_fit_that_nobody_took(shop: Dataset) -> None:
    """4 comes with 0 and was taken by nobody; so does the new one, the other way round."""
    goods = come(shop, {"item_id": "n6", "attributes": '{"also_bought": ["i0"]}'})
    met = adopted(learned(GraphWalk, shop, hubs=0.0), goods)
    found = met.retrieve(queries([2]), 9)
    score = dict(zip(found.item.tolist(), found.score.tolist(), strict=True))
    assert score[6] == pytest.approx(score[4], rel=0.2)


def test_one_after_the_other_is_as_both_together(shop: Dataset) -> None:
    new = [{"item_id": "n6", "brand": "Acme"}, {"item_id": "n7", "brand": "Acme"}]
    model, goods = learned(GraphWalk, shop), come(shop, *new)
    together = adopted(model, goods)
    later = adopted(adopted(model, come(shop, new[0])), goods, first=7)
    asked = queries([0], [6], [7, 2])
    one, two = together.retrieve(asked, 9), later.retrieve(asked, 9)
    np.testing.assert_array_equal(one.item, two.item)
    np.testing.assert_allclose(one.score, two.score, rtol=1e-5)


def test_what_was_saved_before_names_were_kept_adopts_nothing(shop: Dataset) -> None:
    model, goods = learned(GraphWalk, shop), come(shop, {"item_id": "n6", "brand": "Acme"})
    older = {name: one for name, one in model.state.items() if name != "names"}
    assert GraphWalk(model.settings, older).adopt(goods, goods.new) is None


def test_items_of_the_past_add_up(shop: Dataset) -> None:
    model = learned(GraphWalk, shop, recency=1.0)
    both, one, other = (
        dict(zip(found.item.tolist(), found.score.tolist(), strict=True))
        for found in (model.retrieve(queries(row), 6) for row in ([0, 2], [0], [2]))
    )
    for item, score in both.items():
        assert score == pytest.approx((one.get(item, 0) + other.get(item, 0)) / 2, rel=1e-4)
