"""What the checks make of good and bad figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from endcap.config import Config, build
from endcap.tables.prepare import prepare
from endcap.tables.prepare.checks import CHECKS, checks
from tests.tables.raw_shop import goods, lively, raw_shop

FACTS = {"facts": 20, "no_item": 0, "unknown_item": 0, "itself": 0, "circle": 0}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return prepare(raw_shop(tmp_path_factory.mktemp("shop"), lively(), goods()))


def check(name: str, figures: dict[str, Any], config: Config | None = None) -> dict[str, str]:
    found = checks(figures, config or Config())
    return next(answer for answer in found if answer["name"] == name)


def test_a_good_log_passes_all(figures: dict[str, Any]) -> None:
    assert {answer["status"] for answer in figures["checks"]} == {"pass"}
    assert len(figures["checks"]) == len(CHECKS) == len({f.__name__ for f in CHECKS})


@pytest.mark.parametrize(
    ("name", "change", "status", "text"),
    [
        ("visitor_ids", {"dropped": {"missing_visitor": 200}}, "warn", "10 % of the rows"),
        ("visitor_ids", {"dropped": {"missing_visitor": 1500}}, "fail", "75 %"),
        ("item_ids", {"dropped": {"missing_item": 1500}}, "fail", "75 %"),
        ("times", {"dropped": {"too_early": 10, "in_the_future": 10}}, "warn", "1 %"),
        ("duplicates", {"dropped": {"duplicate": 500}}, "warn", "25 %"),
        ("bots", {"dropped": {"bot": 1200}}, "fail", "more than 2,000 events"),
        ("event_types", {"unused_types": {"danced": 3}}, "warn", "danced 3"),
        ("event_types", {"unused_types": {"impression": 3}}, "pass", "impression 3"),
        ("targets", {"targets": ["view"]}, "warn", "no purchase or rate"),
        ("knowledge", {"knowledge": {**FACTS, "no_item": 9}}, "warn", "9 that lead to no item"),
        ("knowledge", {"knowledge": {**FACTS, "circle": 2}}, "warn", "2 categories stand above"),
        ("span", {"shrunk": 0.25}, "warn", "14 + 14 + 14 days shrink to 25 %"),
        ("span", {"shrunk": 0.0}, "fail", "shrink to 0 %"),
        ("questions", {"parts": []}, "fail", "test 0"),
        ("known_visitors", {"visitors": {"with_two": 0.001}}, "fail", "0.1 %"),
        ("cold_items", {"cold": 0.5}, "warn", "50 %"),
        (
            "repeats",
            {"again": 0.62},
            "pass",
            "62 % of what visitors take they had taken before: con",
        ),
        ("repeats", {"again": 0.1}, "pass", "taken before"),
        ("concentration", {"tail": {"top_1_percent": 0.9}}, "warn", "90 %"),
    ],
)
def test_a_bad_figure_is_named(
    figures: dict[str, Any], name: str, change: dict[str, Any], status: str, text: str
) -> None:
    found = check(name, {**figures, "read": 2000, **change})
    assert found["status"] == status
    assert text in found["detail"]


def test_no_catalogue(tmp_path: Path) -> None:
    figures = prepare(raw_shop(tmp_path, lively(days=60)))
    assert check("catalogue", figures)["status"] == "warn"
    assert "No catalogue" in check("catalogue", figures)["detail"]


def test_what_is_left_out_as_unlisted_counts(figures: dict[str, Any]) -> None:
    dropped = {"unknown_item": figures["events"]}
    found = check("catalogue", {**figures, "dropped": dropped})
    assert (found["status"], found["detail"][:4]) == ("warn", "50 %")


def test_a_type_in_the_settings_that_is_none(figures: dict[str, Any]) -> None:
    config = build({"events": {"use": ["purchase", "buys"]}})
    assert "buys" in check("event_types", figures, config)["detail"]


def test_with_one_held_out_nothing_is_asked_of_a_test_part(figures: dict[str, Any]) -> None:
    config = build({"split": {"protocol": "leave-one-out", "holdout": 1}})
    parts = [part for part in figures["parts"] if part["part"] != "test"]
    found = check("questions", {**figures, "parts": parts}, config)
    assert (found["status"], "test" in found["detail"]) == ("pass", False)
