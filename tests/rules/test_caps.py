from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from endcap.rules.caps import Caps, Settings
from tests.rules.shelf import rule
from tests.shops import catalogue, queries, ranking

GOODS = catalogue(
    8,
    brands=[1, 1, 1, 2, 2, 0, 0, 0],
    categories=[1, 2, 3, 1, 2, 3, 3, 3],
    parent_id=["a", "a", None, None, None, "华", "华", "华"],
)


def test_the_first_of_each_brand_stay(tmp_path: Path) -> None:
    caps = rule(Caps, tmp_path, GOODS, most={"brand": 2})
    left = caps.apply(queries([], []), ranking([2, 3, 1, 5, 0, 6, 4], [0, 1, 2]))
    assert left.of(0).item.tolist() == [2, 3, 1, 5, 6, 4]  # no brand is no brand to cap
    assert left.of(1).item.tolist() == [0, 1]


def test_several_caps_hold_together(tmp_path: Path) -> None:
    caps = rule(Caps, tmp_path, GOODS, most={"brand": 2, "category": 1, "parent_id": 1})
    left = caps.apply(queries([]), ranking(range(8)))
    assert left.item.tolist() == [0, 5]
    parents = rule(Caps, tmp_path, GOODS, most={"parent_id": 1})
    assert parents.apply(queries([]), ranking(range(8))).item.tolist() == [0, 2, 3, 4, 5]


def test_only_what_can_be_counted() -> None:
    with pytest.raises(ValidationError, match="'brand', 'category', 'department' or 'parent_id'"):
        Settings.model_validate({"most": {"colour": 1}})
    with pytest.raises(ValidationError, match="greater than 0"):
        Settings(most={"brand": 0})


def test_a_product_counts_with_its_variants(tmp_path: Path) -> None:
    goods = catalogue(
        4, item_id=["shirt", "s", "m", "hat"], parent_id=[None, "shirt", "shirt", None]
    )
    caps = rule(Caps, tmp_path, goods, most={"parent_id": 1})
    assert caps.apply(queries([]), ranking([2, 0, 3, 1])).item.tolist() == [2, 3]
