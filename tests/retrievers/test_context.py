"""Visitors of whom only attributes are known get what those like them take."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.retrievers.context import ByContext
from endcap.tables.context import labels
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.types import Queries
from tests.contracts.found import learned
from tests.shops import catalogue, dataset, queries

USERS = 60


@pytest.fixture
def shop(tmp_path: Path) -> Dataset:
    """All take 0; the young take 1 as well, the old 2; one of them all is a pilot, who takes 3."""
    users = [user for user in range(1, USERS + 1) for _ in range(2)] + [1]
    items = [item for user in range(USERS) for item in (0, 1 + user % 2)] + [3]
    parts = [Part.PAST] * (len(users) - 1) + [Part.TEST]
    dataset(tmp_path, users, items, parts=parts, goods=catalogue(5))
    said = [{"age": ["young", "old"][user % 2], "pets": user % 3} for user in range(USERS)]
    said[0]["work"] = "pilot"
    ids = pq.read_table(tmp_path / "users.parquet")["user_id"]
    columns = {"user_id": ids, "attributes": [json.dumps(one) for one in said]}
    pq.write_table(pa.table(columns), tmp_path / "users.parquet")
    return Dataset.load(tmp_path)


def ask(*said: tuple[str, ...]) -> Queries:
    return replace(queries(*[[]] * len(said)), context=said)


def first(shop: Dataset, *said: tuple[str, ...], **changes: float) -> list[list[int]]:
    found = learned(ByContext, shop, shrink=10.0, **changes).retrieve(ask(*said), 3)
    return [found.of(row).item.tolist() for row in range(len(said))]


def test_by_age(shop: Dataset) -> None:
    young, old, other = first(shop, ("age: young",), ("age: old", "pets: 1"), ("age: none",))
    assert young[:2] == [0, 1]
    assert old[:2] == [0, 2]
    assert other[0] == 0
    assert len(young) == 3, "what others take comes last, and is there"


def test_without_strength_all_get_what_is_popular(shop: Dataset) -> None:
    plain, own = first(shop, (), ("age: old",), strength=0.0)
    assert plain == own


def test_items_that_came_since_stand_last_by_how_their_kind_fares(shop: Dataset) -> None:
    """What the old take is of one category, what the young take of another."""
    kinds = [0, 1, 2, 0, 0, 1, 2]
    then = replace(shop, catalogue=catalogue(5, categories=kinds[:5]))
    model = learned(ByContext, then, shrink=10.0)
    met = model.adopt(catalogue(7, categories=kinds), np.array([5, 6], np.int32))
    assert met is not None
    found = met.retrieve(ask(("age: young",), ("age: old",)), 9)
    assert found.of(0).item.tolist()[-2:] == [5, 6]
    assert found.of(1).item.tolist()[-2:] == [6, 5]
    known = replace(ask(("age: old",)), allowed=np.arange(7) < 5)
    np.testing.assert_array_equal(
        met.retrieve(known, 9).item, model.retrieve(ask(("age: old",)), 9).item
    )


def test_a_label_of_a_few_is_not_heard(shop: Dataset) -> None:
    nothing, pilot = first(shop, (), ("work: pilot",))
    assert nothing == pilot
    heard = learned(ByContext, shop, support=1, shrink=0.001, strength=5.0)
    assert heard.retrieve(ask(("work: pilot",)), 1).item.tolist() == [3]


def test_who_is_asked_about_is_known_by_their_attributes(shop: Dataset) -> None:
    asked = shop.asked(Part.TEST).queries
    assert asked.context == (("age: young", "pets: 0", "work: pilot"),)
    now = shop.now(np.array([0, 2], np.int32))
    assert now.context == ((), ("age: old", "pets: 1"))
    assert now.take(np.array([1])).context == (("age: old", "pets: 1"),)


def test_labels_of_what_people_write() -> None:
    assert labels(None) == labels("[1]") == labels("{") == labels('{"a": null, "b": [" "]}') == ()
    assert labels('{"age": "45-54", "likes": ["茶", "Tea"], "vip": true}') == (
        "age: 45-54",
        "likes: 茶",
        "likes: tea",
        "vip: true",
    )
    assert len(labels(json.dumps({"a": ["x" * 10_000]}))[0]) == 100
