"""Items described alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from endcap.retrievers.content import Content, Settings
from endcap.stages import Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.overlay import Overlay
from endcap.types import Ranking
from tests.shops import catalogue, dataset, queries, ranking


def described(columns: dict[str, Any]) -> Catalogue:
    goods = catalogue(len(next(iter(columns.values()))))
    table = goods.table.drop(list(columns))
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, goods.table[name].type))
    return Catalogue(table, goods.features)


def fitted(folder: Path, columns: dict[str, Any], **settings: Any) -> Content:
    """With a single event, on the first item."""
    data = dataset(folder, users=[1], items=[0], goods=described(columns))
    return Content.fit(Settings.model_validate(settings), data, None, Run())


def others(model: Content, *past: int) -> Ranking:
    lists = model.retrieve(queries(past), 9)
    return lists.keep(~np.isin(lists.item, past))


def test_what_nobody_has_seen_is_proposed_by_what_it_shares(tmp_path: Path) -> None:
    titles = ["Red wool scarf", "Desk lamp", "red cotton scarf!", "Scarf", "Lamp, red", ""]
    lists = others(fitted(tmp_path, {"title": titles}), 0)
    assert lists.item.tolist() == [2, 3, 4]


def test_titles_without_spaces(tmp_path: Path) -> None:
    """What they share are pairs of characters; digits are the same in full width."""
    titles = ["双肩包男防盗", "男士双肩包15寸", "充电热水袋", "１５寸电脑", "热水袋"]
    model = fitted(tmp_path, {"title": titles})
    assert others(model, 0).item.tolist() == [1]
    assert others(model, 2).item.tolist() == [4]
    assert others(model, 3).item.tolist() == [1]


def test_categories_count_with_all_that_stands_above(tmp_path: Path) -> None:
    paths = [["Home > Lamps"], ["Garden"], ["Home > Lamps"], ["Home > Rugs"], ["Lamps"], None]
    lists = others(fitted(tmp_path, {"categories": paths}), 0)
    assert lists.item.tolist() == [2, 3]


@pytest.mark.parametrize(("fields", "found"), [(["title"], [1]), (["brand"], [2])])
def test_only_the_named_columns_are_read(
    tmp_path: Path, fields: list[str], found: list[int]
) -> None:
    columns = {"title": ["mug", "mug", "cup"], "brand": ["Acme", "Bolt", "Acme"]}
    assert others(fitted(tmp_path, columns, fields=fields), 0).item.tolist() == found


def test_the_newest_item_says_most_and_each_what_it_says_for_what(tmp_path: Path) -> None:
    titles = ["lamp", "rug", "lamp", "rug", "mug"]
    model, asked = fitted(tmp_path, {"title": titles}), queries([0, 1])
    lists = others(model, 0, 1)
    assert lists.item.tolist() == [3, 2]
    because = model.because(asked, lists)
    assert [because[row].tolist() for row in range(2)] == [[1], [0]]


def test_of_two_alike_the_one_that_few_have_taken_comes_first(tmp_path: Path) -> None:
    goods = described({"title": ["lamp", "lamp", "lamp", "lamp, red wool", "red wool"]})
    data = dataset(tmp_path, users=[1, 1, 2], items=[0, 1, 1], goods=goods)
    for rare, found in ((0.0, [1, 2, 3]), (0.25, [2, 1, 3])):
        model = Content.fit(Settings(rare=rare), data, None, Run())
        assert others(model, 0).item.tolist() == found


def test_a_catalogue_that_says_nothing(tmp_path: Path) -> None:
    model = fitted(tmp_path, {"title": [None, None]})
    assert len(model.retrieve(queries([0], []), 9)) == 0


def test_an_item_that_came_since_stands_among_what_is_described_alike(tmp_path: Path) -> None:
    titles = ["Red wool scarf", "Desk lamp", "red cotton scarf!", "Scarf", "Lamp, red", ""]
    model = fitted(tmp_path, {"title": titles})
    new = [{"item_id": "n6", "title": "A red scarf", "gone": False}]
    new += [{"item_id": "n7", "title": "Unheard of", "gone": False}]
    goods = Overlay.over(catalogue(6)).changed(new)
    met = model.adopt(goods, goods.new)
    assert others(met, 0).item.tolist()[:2] == [2, 6], "the same telling words"
    assert set(others(met, 6).item.tolist()) == {0, 2, 3, 4}
    assert 7 not in others(met, 0, 1, 2).item
    assert others(met, 7).item.tolist() == [], "no word of it tells anything"
    assert met.because(queries([0]), ranking([6]))[0].tolist() == [0]
    again = goods.changed([{"item_id": "n8", "title": "scarf lamp", "gone": False}])
    later = met.adopt(again, np.array([8], np.int32))
    assert {6, 8} <= set(others(later, 0).item.tolist())
    old = replace(queries([0]), allowed=np.arange(9) < 6)
    same, before = later.retrieve(old, 9), model.retrieve(queries([0]), 9)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_array_equal(same.score, before.score)
