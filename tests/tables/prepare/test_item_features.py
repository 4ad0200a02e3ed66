"""What is known of items before a moment, and that nothing later changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.config import Shop
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared
from endcap.tables.prepare.item_features import (
    FEATURES,
    facts,
    item_features,
    newest_before,
    normalised,
)
from endcap.tables.prepare.met import Met
from endcap.tables.prepare.pieces import offsets
from endcap.tables.schema import kind
from tests.tables.raw_shop import DAY, START, event, goods, lively, raw_shop

PARTS = [Part.RANKER, Part.VALIDATION, Part.TEST]


def features(shop: Shop, part: Part) -> pa.Table:
    prepare(shop)
    return pq.read_table(prepared(shop) / "features" / f"items-{int(part)}.parquet")


@pytest.fixture(scope="module", params=["time", "leave-one-out"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    protocol = f"split.protocol={request.param}"
    return raw_shop(tmp_path_factory.mktemp("whole"), lively(), goods(), changes=[protocol])


@pytest.mark.parametrize("part", PARTS)
def test_no_later_event_changes_a_feature(tmp_path: Path, whole: Shop, part: Part) -> None:
    known, later = features(whole, part), _at_or_after(whole, part)
    other = [_otherwise(row) if _key(row) in later else row for row in lively()]
    assert other != lively()
    changed = replace(raw_shop(tmp_path, other, goods()), config=whole.config)
    assert known.equals(features(changed, part))
    assert not known.equals(features(whole, Part.LIVE))


@pytest.mark.parametrize("part", PARTS)
def test_a_log_that_ends_gives_the_same_features_as_one_that_goes_on(
    tmp_path: Path, whole: Shop, part: Part
) -> None:
    """Truncated at a part, everything that is left is the past, and so are the bounds."""
    known, later = features(whole, part), _at_or_after(whole, part)
    short = [row for row in lively() if _key(row) not in later]
    assert known.equals(features(raw_shop(tmp_path, short, goods()), Part.LIVE))


def test_items_that_are_seen_later_do_not_move_the_others(tmp_path: Path) -> None:
    rows, catalogue = lively(), goods()
    shop = raw_shop(tmp_path / "without", rows, catalogue)
    new = [event("user-00", "item-99", 118 + n / 100, price=1e6) for n in range(40)]
    more = features(raw_shop(tmp_path / "with", rows + new, catalogue), Part.TEST)
    same = more.slice(0, len(catalogue))
    assert features(shop, Part.TEST).to_pydict() == same.to_pydict()
    assert all(values == [0] for values in more.slice(len(catalogue)).to_pydict().values())


def test_each_feature_is_from_0_to_1(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    for part in [*PARTS, Part.LIVE]:
        table = features(shop, part)
        assert table.column_names == list(FEATURES)
        assert {str(type_) for type_ in table.schema.types} == {"float"}
        for column in table.columns:
            values = column.to_numpy()
            assert values.min() >= 0
            assert values.max() <= 1


def test_a_shop_without_events_in_a_part_has_zeros(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, [event("u", "a")], [{"item_id": "b"}])
    assert features(shop, Part.RANKER).num_rows == 2


def test_what_the_raw_values_say() -> None:
    found = raw(
        events=[
            (1, 0, "view", 40.0),
            (1, 0, "purchase", 40.0),
            (1, 0, "purchase", 3.0),
            (2, 0, "purchase", 0.0),
            (2, 1, "view", 10.0),
        ],
        items=[{"price": 20.0, "sale_price": 15.0, "category": 1}, {"category": 1}, {}],
    )
    assert found["events"] == pytest.approx([np.log(5), np.log(2), None])
    assert found["events_7d"] == pytest.approx([np.log(3), 0, None])
    assert found["visitors"] == pytest.approx([np.log(3), np.log(2), None])
    assert found["repeat_share"] == pytest.approx([1 / 7, 0, None])
    assert found["conversion"] == pytest.approx([3 / 6, 0, None])
    assert found["recency"] == pytest.approx([1, 1 / 11, None])
    assert found["age"] == pytest.approx([np.log(41), np.log(11), None])
    assert found["price"] == pytest.approx([np.log(16), None, None])
    assert found["has_price"] == [True, False, False]
    assert found["discount"] == pytest.approx([0.25, None, None])
    assert found["category_place"] == pytest.approx([1, 0, None])
    assert found["category_size"] == pytest.approx([np.log(3), np.log(3), None])


def test_ratings_are_averaged() -> None:
    found = raw(events=[(1, 0, "rate", 3.0, 4.0), (2, 0, "rate", 2.0, 5.0)], items=[{}])
    assert found["rating"] == pytest.approx([450])


def test_one_giant_does_not_press_the_others_flat() -> None:
    values = [*np.linspace(0, 1, 1000).tolist(), 1e9]
    scaled = squeezed(values)
    assert scaled[500] == pytest.approx(0.5, abs=0.01)
    assert scaled[-1] == 1


def test_rare_values_of_a_column_that_hardly_varies_still_show() -> None:
    assert squeezed([0.0] * 999 + [5.0])[-1] == 1


def test_constant_and_missing_values_are_0() -> None:
    assert squeezed([7.0, 7.0, None]) == [0, 0, 0]
    assert squeezed([None, None]) == [0, 0]


def squeezed(values: Sequence[float | None]) -> list[float]:
    table = pa.table({"row": range(len(values)), "x": pa.array(values, pa.float64())})
    found: list[float] = normalised(ibis.memtable(table)).to_pyarrow()["x"].to_pylist()
    return found


def met(log: pa.Table) -> pa.Table:
    """How many visitors met each item."""
    rows, counts = log.sort_by("user"), Met()
    counts.add(offsets(rows["user"]), rows["item"].to_numpy(), rows["part"].to_numpy())
    return counts.table()


def raw(events: list[Any], items: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """events: (user, item, type, days ago, rating)."""
    users, codes, types, ages, *values = zip(*events, strict=True)
    past = pa.table(
        {
            "user": pa.array(users, pa.int32()),
            "item": pa.array(codes, pa.int32()),
            "kind": pa.array([kind(name) for name in types], pa.int8()),
            "part": pa.array([0] * len(users), pa.int8()),
            "time": [START - round(age * DAY) for age in ages],
            "price": pa.nulls(len(users), pa.float32()),
            "value": pa.array(values[0] if values else [None] * len(users), pa.float32()),
        }
    )
    columns = {name: pa.array([row.get(name) for row in items]) for name in ("price", "sale_price")}
    table = pa.table(
        {name: column.cast(pa.float64()) for name, column in columns.items()}
        | {
            "row": range(len(items)),
            "category": pa.array([row.get("category", 0) for row in items], pa.int32()),
            "created_at": pa.nulls(len(items), pa.int64()),
        }
    )
    log = ibis.memtable(past)
    newest = newest_before(log, [1])
    known = facts(log, ibis.memtable(met(past)), newest, [kind("purchase")])
    found = item_features(known, ibis.memtable(table), 1, newest[1])
    columns_of: dict[str, list[Any]] = found.to_pyarrow().to_pydict()
    return columns_of


def _at_or_after(shop: Shop, part: Part) -> set[tuple[int, int, int]]:
    """(user, time, kind) of the events that were not known before a part."""
    events = pq.read_table(prepared(shop) / "events.parquet").to_pylist()
    return {(row["user"], row["time"], row["kind"]) for row in events if row["part"] >= part}


def _key(row: dict[str, Any]) -> tuple[int, int, int]:
    return int(row["user_id"][-2:]) + 1, row["timestamp"], kind(row["event_type"])


def _otherwise(row: dict[str, Any]) -> dict[str, Any]:
    """The same visitor at the same moment with something else."""
    return row | {"item_id": "item-00", "price": 12345.0, "value": 3.0}


def test_the_usual_price_is_the_median_of_what_was_paid_before() -> None:
    rng = np.random.default_rng(1)
    size = 3_000
    price = np.round(rng.gamma(2, 20, size), 1).astype(np.float32)
    item = rng.integers(0, 150, size).astype(np.int32)
    when = np.sort(rng.integers(0, 4, size)).astype(np.int8)
    log: dict[str, Any] = {
        "user": np.arange(size, dtype=np.int32),
        "item": item,
        "kind": np.full(size, kind("purchase"), np.int8),
        "time": START + np.arange(size) * DAY // 100,
        "part": when,
        "value": pa.nulls(size, pa.float32()),
    }
    known = rng.random(size) > 0.3
    rows = pa.table({**log, "price": pa.array(price, mask=~known)})
    events, visitors = ibis.memtable(rows), ibis.memtable(met(rows))
    newest = newest_before(events, [1, 4])
    found = facts(events, visitors, newest, [kind("purchase")]).to_pyarrow()
    for row in found.to_pylist():
        for part in (1, 4):
            own = (item == row["item"]) & (when < part) & known
            paid = price[own].astype(np.float64)
            assert row[f"paid_{part}"] == (np.median(paid) if len(paid) else None)
    assert {True, False} == {row["paid_1"] is None for row in found.to_pylist()}
