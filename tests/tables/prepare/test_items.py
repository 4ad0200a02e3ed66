"""Codes and what stands behind them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from endcap.tables.schema import ITEMS
from tests.tables.raw_shop import event, raw_shop, write


def catalogue(folder: Path) -> Catalogue:
    shop = raw_shop(folder, [event("u", "b"), event("u", "新", 1)])
    prepare(shop)
    return Dataset.load(prepared(shop)).catalogue


def test_items_stand_in_the_order_of_their_ids_unlisted_ones_too(tmp_path: Path) -> None:
    write(tmp_path, "items", [{"item_id": item} for item in ("c", "b", "10", "9")])
    found = catalogue(tmp_path)
    assert found.ids == ["10", "9", "b", "c", "新"]
    assert set(ITEMS.names) <= set(found.table.column_names)
    assert len(found.features) == 5


def test_the_last_import_of_an_item_holds(tmp_path: Path) -> None:
    write(tmp_path, "items", [{"item_id": "b", "title": "old", "brand": "X"}, {"item_id": "c"}])
    write(tmp_path, "items", [{"item_id": "b", "title": "older"}, {"item_id": "b", "title": "new"}])
    found = catalogue(tmp_path)
    assert found.ids == ["b", "c", "新"]
    assert found.describe([0], ["title", "brand"]) == [{"title": "new", "brand": None}]


def test_a_category_is_its_full_path_a_department_its_root(tmp_path: Path) -> None:
    paths = {
        "a": ["Home > Kitchen > Pans", "Sale"],
        "b": ["Home>Kitchen > Pans"],
        "c": ["Garden > Pans"],
        "d": ["Home"],
        "e": [],
        "f": None,
        "g": [""],
    }
    write(
        tmp_path, "items", [{"item_id": item, "categories": path} for item, path in paths.items()]
    )
    found = catalogue(tmp_path)
    assert found.category.tolist() == [3, 3, 1, 2, 0, 0, 0, 0]
    assert found.department.tolist() == [2, 2, 1, 2, 0, 0, 0, 0]


def test_brands_have_codes(tmp_path: Path) -> None:
    brands = {"a": "Zeta", "b": "Alpha", "c": None, "d": "Zeta", "e": ""}
    write(tmp_path, "items", [{"item_id": item, "brand": brand} for item, brand in brands.items()])
    assert catalogue(tmp_path).brand.tolist() == [2, 1, 0, 2, 0, 0]


def test_users_are_the_visitors_of_the_log_with_what_is_known_of_them(tmp_path: Path) -> None:
    users = [{"user_id": "u", "attributes": '{"city":"北京"}'}, {"user_id": "never came"}]
    shop = raw_shop(tmp_path, [event("u", "a"), event(None, "a", session_id="s")], users=users)
    prepare(shop)
    table = pq.read_table(prepared(shop) / "users.parquet")
    assert table["user_id"].to_pylist() == ["s", "u"]
    assert table["attributes"].to_pylist() == [None, '{"city":"北京"}']
