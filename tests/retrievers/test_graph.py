"""Walks on a graph of facts and visitors, and the ways by which they came."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from endcap.reasons import Reason
from endcap.retrievers.graph import GraphWalk
from endcap.serve.reasons import described
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
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


def test_items_of_the_past_add_up(shop: Dataset) -> None:
    model = learned(GraphWalk, shop, recency=1.0)
    both, one, other = (
        dict(zip(found.item.tolist(), found.score.tolist(), strict=True))
        for found in (model.retrieve(queries(row), 6) for row in ([0, 2], [0], [2]))
    )
    for item, score in both.items():
        assert score == pytest.approx((one.get(item, 0) + other.get(item, 0)) / 2, rel=1e-4)
