"""The figures of the report, beside plain counting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from endcap.tables.prepare import prepare
from tests.tables.raw_shop import event, goods, lively, raw_shop


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return prepare(raw_shop(tmp_path_factory.mktemp("shop"), lively(), goods()))


def test_totals_and_types(report: dict[str, Any]) -> None:
    rows = lively()
    assert report["events"] == report["read"] == len(rows)
    assert report["types"] == dict(Counter(row["event_type"] for row in rows).most_common())
    assert report["users"] == len({row["user_id"] for row in rows})
    assert report["items"] == 12


def test_span_and_histogram(report: dict[str, Any]) -> None:
    histogram = report["histogram"]
    assert report["span"]["first"] == "2020-09-13"
    assert histogram["unit"] == "week"
    assert histogram["starts"][:2] == ["2020-09-07", "2020-09-14"]
    assert sum(histogram["events"]) == report["events"]


@pytest.mark.parametrize(("days", "unit"), [(3, "day"), (100, "week"), (900, "month")])
def test_the_histogram_has_no_gaps(tmp_path: Path, days: int, unit: str) -> None:
    found = prepare(raw_shop(tmp_path, [event("u", "a"), event("u", "b", days)]))["histogram"]
    assert found["unit"] == unit
    assert found["events"] == [1, *[0] * (len(found["events"]) - 2), 1]
    assert len(found["events"]) == {"day": 4, "week": 16, "month": 31}[unit]


def test_parts_add_up(report: dict[str, Any]) -> None:
    parts = report["parts"]
    assert [part["part"] for part in parts] == ["past", "ranker", "validation", "test"]
    assert sum(part["events"] for part in parts) == report["events"]
    assert sum(part["targets"] for part in parts) == report["types"]["purchase"]


def test_the_tail(tmp_path: Path) -> None:
    counts = {"a": 60, "b": 20, "c": 19, "d": 1}
    rows = [event(f"u{n}", item, n) for item, many in counts.items() for n in range(many)]
    tail = prepare(raw_shop(tmp_path, rows, [{"item_id": "never"}]))["tail"]
    assert tail == {
        "seen": 4,
        "never": 1,
        "once": 0.25,
        "half": 1,
        "top_1_percent": 0.6,
        "top_10_percent": 0.6,
    }


def test_what_was_taken_before_is_again_but_not_within_one_basket(tmp_path: Path) -> None:
    rows = [event("u", "a"), event("u", "a", event_id="two of them"), event("u", "a", 1)]
    assert prepare(raw_shop(tmp_path, rows))["again"] == pytest.approx(1 / 3)


def test_what_is_new_in_the_test_part_is_cold(tmp_path: Path) -> None:
    rows = [event(f"u{day}", "old", day) for day in range(100)]
    rows += [event("u99", "new", 99, event_id=f"e{n}") for n in range(14)]
    assert prepare(raw_shop(tmp_path, rows))["cold"] == pytest.approx(0.5)


def test_top_items_have_titles_and_categories_names(report: dict[str, Any]) -> None:
    assert report["top_items"][0]["title"].startswith("商品")
    assert {row["name"] for row in report["top_categories"]} == {
        f"Home > Shelf {shelf}" for shelf in range(3)
    }


def test_an_item_without_a_title_is_called_by_its_description_or_id(tmp_path: Path) -> None:
    rows = [event("u", "a"), event("u", "b", 1)]
    found = prepare(raw_shop(tmp_path, rows, [{"item_id": "a", "description": "x" * 99}]))
    assert [row["title"] for row in found["top_items"]] == ["x" * 80, "b"]


def test_each_feature_shows_how_it_spreads(report: dict[str, Any]) -> None:
    for feature in report["item_features"]:
        assert sum(feature["histogram"]) == report["items"]
        assert 0 <= feature["min"] <= feature["median"] <= feature["max"] <= 1
    assert all(sum(f["histogram"]) == report["users"] for f in report["visitor_features"])
