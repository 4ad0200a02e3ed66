"""Each kind of feature, reckoned by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from endcap.features.clock import Clock
from endcap.features.conversion import Conversion
from endcap.features.label import Label
from endcap.features.price import Price
from endcap.features.recency import Recency
from endcap.features.trend import Trend
from endcap.features.visit import Visit
from endcap.features.windowed import Windowed
from endcap.stages import Feature
from endcap.tables.catalogue import Catalogue
from endcap.tables.overlay import Overlay
from endcap.tables.scene import Scene
from endcap.tables.schema import kind
from endcap.types import DAY, Queries, Stretch
from tests.shops import catalogue, history, queries, ranking

HOUR = DAY // 24
MOMENT = int(datetime(2026, 11, 25, 18, tzinfo=UTC).timestamp()) * 1_000_000
"""A Wednesday, six in the evening."""

Row = tuple[int, str, float]
"""Item, event type, and days before the moment."""

SOLD: list[Row] = [
    *[(0, "view", age) for age in (0.02, 0.5, 0.6, 3, 6, 20)],
    *[(0, "purchase", age) for age in (0.01, 5)],
    *[(1, "view", age) for age in (2, 2, 3, 4)],
    (2, "purchase", 0.25),
]


def scene(log: Sequence[Row], goods: Catalogue, past: Queries | None = None) -> Scene:
    """One question about all items, after a log."""
    asked = past or queries([])
    events = Stretch(
        np.array([item for item, _, _ in log], np.int32),
        np.array([kind(name) for _, name, _ in log], np.int8),
        np.array([MOMENT - round(age * DAY) for *_, age in log], np.int64),
    )
    asked = replace(asked, times=np.full(len(asked), MOMENT), log=lambda: (events,))
    return Scene(asked, ranking(list(range(len(goods)))), goods)


def values(cls: type[Feature[Any]], seen: Scene, **settings: Any) -> dict[str, list[float]]:
    feature = cls.fit(cls.settings_type.model_validate(settings), seen)
    again = cls(feature.settings, feature.state)
    found = again.values(seen)
    return {name: np.asarray(column).tolist() for name, column in found.items()}


def one(cls: type[Feature[Any]], log: Sequence[Row], **settings: Any) -> Any:
    """Its only column, of three items of one category."""
    seen = scene(log, catalogue(3, categories=[1, 1, 1]))
    return pytest.approx(values(cls, seen, **settings)[""], nan_ok=True)


def test_windowed_counts_and_rates() -> None:
    assert one(Windowed, SOLD) == [7, 4, 1]
    assert one(Windowed, SOLD, window="1h", event_types=["view"]) == [1, 0, 0]
    assert one(Windowed, SOLD, window="30d", event_types=["view"]) == [6, 4, 0]
    assert one(Windowed, SOLD, window="30d", of="category") == [13, 13, 13]
    assert one(Windowed, SOLD, window="12h", rate=True) == [6, 0, 2]
    assert one(Windowed, []) == [0, 0, 0]


def test_recency_in_days() -> None:
    assert one(Recency, SOLD, event_types=["view"]) == [0.02, 2, math.nan]
    assert one(Recency, SOLD, event_types=["view"], window="1d") == [0.02, math.nan, math.nan]


def test_trend_is_0_for_an_even_flow() -> None:
    found = one(Trend, SOLD, event_types=["view"], short="1d", long="7d", doubt=1.0)
    assert found == [math.log((3 * 7 + 1) / (5 + 1)), math.log(1 / 5), 0]
    even = [(0, "view", day + 0.5) for day in range(7)]
    assert one(Trend, even) == [0, 0, 0]
    with pytest.raises(ValidationError, match="short is 7d, expected less than long, 1d"):
        one(Trend, SOLD, short="7d", long="1d")


def test_conversion_begins_at_the_shops_own() -> None:
    """3 purchases of 10 views; item 0 has 2 of 6, item 1 0 of 4, nobody looked at item 2."""
    assert one(Conversion, SOLD, doubt=10) == [(2 + 3) / 16, (0 + 3) / 14, (1 + 3) / 10]
    assert one(Conversion, SOLD, doubt=10, of="category") == [(3 + 3) / 20] * 3
    assert one(Conversion, SOLD, window="1d", doubt=3) == [3 / 6, 2 / 3, 1]
    assert one(Conversion, []) == [0, 0, 0]


def test_pairs_and_visitors_count_what_the_visitor_did() -> None:
    times = np.array([MOMENT - 2 * DAY, MOMENT - HOUR, MOMENT - HOUR // 2])
    past = replace(queries([1, 0, 1]), history=history([1, 0, 1], times=times))
    seen = scene(SOLD, catalogue(3, categories=[1, 1, 2]), past)
    for of, expected in {
        "visitor": [2, 2, 2],
        "visitor_item": [1, 1, 0],
        "visitor_category": [2, 2, 0],
    }.items():
        assert values(Windowed, seen, of=of, window="1d")[""] == expected
    assert values(Recency, seen, of="visitor_item")[""][:2] == [1 / 24, 1 / 48]


def test_the_visit_that_goes_on() -> None:
    """Three events, half an hour and a minute before the last two; then none for too long."""
    minute = DAY // 1_440
    times = np.array([MOMENT - age * minute for age in (60, 29, 5)])
    past = replace(queries([0, 1, 0]), history=history([0, 1, 0], times=times))
    goods = catalogue(1)
    assert values(Visit, scene([], goods, past)) == {"position": [2], "minutes": [29]}
    longer = values(Visit, scene([], goods, past), pause_minutes=31)
    assert longer == {"position": [3], "minutes": [60]}
    ended = values(Visit, scene([], goods, past), pause_minutes=4.9)
    assert ended["position"] == [0]
    assert math.isnan(ended["minutes"][0])
    assert values(Visit, scene([], goods))["position"] == [0]


def test_the_clock_of_the_shop() -> None:
    found = values(Clock, scene([], catalogue(1)))
    assert found["hour"] == [18]
    assert found["day"] == [2.75]
    assert found["hour_sin"] == pytest.approx([-1])
    assert found["hour_cos"] == pytest.approx([0], abs=1e-9)
    ahead = values(Clock, scene([], catalogue(1)), utc_offset_hours=8)
    assert ahead["hour"] == [2]
    assert ahead["day"] == pytest.approx([3 + 2 / 24])


def test_the_price_among_those_of_its_category() -> None:
    goods = catalogue(
        6,
        categories=[1, 1, 1, 2, 0, 1],
        prices=[10.0, 40.0, 10.0, 7.0, 9.0, math.nan],
        sale_price=[None, 30.0, 10.0, 0.0, None, 5.0],
    )
    found = values(Price, scene([], goods))
    np.testing.assert_array_equal(found["place"], [0, 1, 0, 0, math.nan, math.nan])
    np.testing.assert_array_equal(found["discount"], [0, 0.25, 0, 1, 0, math.nan])


def test_a_price_that_has_changed_has_another_place() -> None:
    goods = named([10.0, 20.0, 30.0], ["Tea", "Tea", "Tea"])
    now = Overlay.over(goods).changed(
        [{"item_id": "i0", "categories": ["Tea"], "price": 50.0, "sale_price": 40.0, "gone": False}]
    )
    assert values(Price, scene([], now)) == {
        "place": [1, 0, 0.5],
        "discount": pytest.approx([0.2, 0, 0]),
    }


def named(prices: list[float], names: list[str | None]) -> Catalogue:
    """Items with the names of their categories, as `prepare` codes them."""
    known = sorted({name for name in names if name})
    codes = [0 if name is None else 1 + known.index(name) for name in names]
    goods = catalogue(len(prices), categories=codes, prices=prices)
    lists = pa.array([None if name is None else [name] for name in names], pa.list_(pa.string()))
    place = goods.table.column_names.index("categories")
    return replace(goods, table=goods.table.set_column(place, "categories", lists))


def test_labels_are_known_by_name() -> None:
    """The commonest first; one that came later, and none at all, are all zeros."""
    before = scene([], named([1.0] * 6, ["Tea", "Cup", "Cup", None, "Pot", "Cup"]))
    share = Label.fit(Label.settings_type.model_validate({"encoding": "share"}), before)
    assert share.values(before)[""] == pytest.approx([1 / 6, 3 / 6, 3 / 6, 0, 1 / 6, 3 / 6])
    hot = Label.fit(Label.settings_type.model_validate({"top": 2}), before)
    later = scene([], named([1.0] * 4, ["Cup", "Art", "Pot", "Zoo"]))
    assert {name: found.tolist() for name, found in hot.values(later).items()} == {
        "0": [1, 0, 0, 0],
        "1": [0, 0, 1, 0],
    }
    assert share.values(later)[""] == pytest.approx([3 / 6, 0, 1 / 6, 0])


def test_a_label_that_came_while_serving_is_nothing_learned() -> None:
    goods = named([1.0, 2.0], ["Cup", "Tea"])
    hot = Label.fit(Label.settings_type.model_validate({"top": 2}), scene([], goods))
    now = Overlay.over(goods).changed(
        [
            {"item_id": "i1", "categories": ["Cup"], "gone": False},
            {"item_id": "new", "categories": ["茶"], "gone": False},
        ]
    )
    found = hot.values(scene([], now))
    assert [found[name].tolist() for name in ("0", "1")] == [[1, 1, 0], [0, 0, 0]]
