"""What a visitor leans to, among what nobody has had yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from endcap.retrievers.newcomers import Newcomers
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from tests.contracts.found import learned
from tests.shops import catalogue, dataset, queries

MILK, TEA = "Food > Milk", "Food > Tea"


def shop(folder: Path, columns: dict[str, Any], items: list[int]) -> Dataset:
    """A visitor for each of the items, who took it."""
    goods = catalogue(len(next(iter(columns.values()))))
    table = goods.table.drop(list(columns))
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, goods.table[name].type))
    users = list(range(1, len(items) + 1))
    return dataset(folder, users, items, goods=Catalogue(table, goods.features))


def groceries(folder: Path) -> Newcomers:
    """Everybody takes milk, hardly anybody tea; 2 and 3 are new."""
    paths = [[MILK], [TEA], [MILK], [TEA]]
    return learned(Newcomers, shop(folder, {"categories": paths}, [0] * 9 + [1]))  # type: ignore[return-value]


def new_ones(model: Newcomers, *past: int) -> list[int]:
    lists = model.retrieve(queries(past), 9)
    return [item for item in lists.item.tolist() if item > 1]


def test_what_everybody_takes_says_less_than_what_few_do(tmp_path: Path) -> None:
    model = groceries(tmp_path)
    assert new_ones(model, 0) == [2], "that all of it is food tells nothing"
    assert new_ones(model, 1) == [3]
    assert new_ones(model, 1, 0, 0) == [3, 2], "of milk twice as much is what all take"
    assert new_ones(model, 1, *[0] * 50) == [2, 3]


def test_a_long_text_counts_as_one_label(tmp_path: Path) -> None:
    """1 shares four words and no brand with what was had, 2 the brand and half of its words."""
    columns = {
        "description": ["a b c d", "a b c d", "a x", "a x", "x"],
        "brand": ["Acme", "Bolt", "Acme", "Bolt", "Cox"],
    }
    model = learned(Newcomers, shop(tmp_path, columns, [0, 3, 4, 4]))
    lists = model.retrieve(queries([0]), 9)
    assert lists.item.tolist()[:3] == [0, 2, 1]


def test_what_nothing_is_said_of_is_offered_to_those_alone_who_had_it(tmp_path: Path) -> None:
    model = learned(Newcomers, shop(tmp_path, {"title": [None, None]}, [0]))
    lists = model.retrieve(queries([0], [], [1]), 9)
    assert lists.query.tolist() == [0, 2]
    assert lists.item.tolist() == [0, 1]


def test_an_item_that_came_since_stands_by_its_labels(tmp_path: Path) -> None:
    model = groceries(tmp_path)
    goods = Overlay.over(_goods(tmp_path)).changed(
        [{"item_id": "n4", "categories": [TEA]}, {"item_id": "n5", "categories": ["Toys"]}]
    )
    met = model.adopt(goods, goods.new)
    lists = met.retrieve(queries([1]), 9)
    assert lists.item.tolist() == [1, 3, 4]
    scores = dict(zip(lists.item.tolist(), lists.score.tolist(), strict=True))
    assert scores[3] == scores[4], "described alike, and nobody had either"


def test_who_had_a_new_item_is_offered_it_first(tmp_path: Path) -> None:
    """And its kind is no longer as rare once many have taken it."""
    model = groceries(tmp_path)
    asked = queries([0, 0, 2])
    assert model.retrieve(asked, 1).item.tolist() == [2]
    bought = queries(*[[]] * 90)
    taught = model.learn(bought, np.full(90, 3, np.int32), np.full(90, 8, np.int8))
    before, after = (one.retrieve(queries([1]), 9) for one in (model, taught))
    assert _score(after, 3) < _score(before, 3)


def test_reasons_are_what_shares_the_rarest_labels(tmp_path: Path) -> None:
    model = groceries(tmp_path)
    asked = queries([0, 1])
    lists = model.retrieve(asked, 9)
    because = model.because(asked, lists)
    first = {item: because[row].tolist()[0] for row, item in enumerate(lists.item.tolist())}
    assert first == {0: 0, 1: 1, 2: 0, 3: 1}


def test_where_only_new_things_may_be_answered(tmp_path: Path) -> None:
    model = groceries(tmp_path)
    asked = replace(queries([0, 1]), allowed=np.array([False, False, True, True]))
    assert sorted(model.retrieve(asked, 9).item.tolist()) == [2, 3]


def _goods(folder: Path) -> Catalogue:
    return Dataset.load(folder).catalogue


def _score(lists: Any, item: int) -> float:
    return float(lists.score[lists.item == item][0])
