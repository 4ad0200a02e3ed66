"""How new items fare, told from tables and store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from endcap.config import Shop
from endcap.experiment.new_items import new_items
from endcap.sources import import_file
from endcap.store.events import LiveEvents

DAY = 86_400_000_000
START = 1_772_323_200_000_000  # 1 March 2026


def event(item: str, day: float, kind: str = "view", **more: Any) -> dict[str, Any]:
    moment = START + round(day * DAY)
    return {"event_type": kind, "user_id": "ann", "item_id": item, "timestamp": moment, **more}


def shop(folder: Path, events: list[dict[str, Any]], items: list[dict[str, Any]]) -> Shop:
    shop = Shop.open(folder)
    for name, rows in (("events", events), ("items", items)):
        path = folder / f"{name}.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        import_file(shop.tables, str(path))
    return shop


def impression(item: str, answer: int, day: float) -> dict[str, Any]:
    moment = START + round(day * DAY)
    items = [(item, 1, 0.5, 1.0)]
    return {"recommendation_id": f"r{answer}", "timestamp": moment, "items": items}


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Any]:
    old = [event("old", 0), event("old", 60, "purchase")]
    grown = [event("grown", 50 + n / 100) for n in range(5)]
    own = shop(
        tmp_path,
        [*old, *grown],
        [
            {"item_id": "龙井", "title": "Longjing", "created_at": START + 59 * DAY},
            {"item_id": "old", "title": "Old", "created_at": START},
        ],
    )
    live = LiveEvents.open(own.live)
    live.shown(lambda: [impression("liked", n, 58) for n in range(40)])
    live.shown(lambda: [impression("old", n, 58) for n in range(400)])
    live.append(
        [event("liked", 58.1, event_id=f"e{n}", recommendation_id=f"r{n}") for n in range(30)]
    )
    live.append([event("liked", 58.2, "purchase", event_id="p", recommendation_id="r1")])
    live.close()
    return new_items(own, days=28, graduates=5)


def test_a_wrong_clock_makes_nothing_old(tmp_path: Path) -> None:
    wrong = [event("new", 365 * 100), event("new", -365 * 50)]
    own = shop(
        tmp_path, [event("new", 50), event("old", 0), *wrong], [{"item_id": "old", "title": "Old"}]
    )
    rows = new_items(own, days=28, graduates=5)["items"]
    assert [(row["item_id"], row["events"]) for row in rows] == [("new", 1)]


def test_only_what_came_lately_is_named_the_newest_first(found: dict[str, Any]) -> None:
    assert [row["item_id"] for row in found["items"]] == ["龙井", "liked", "grown"]
    assert found["items"][0]["since"] == "2026-04-29T00:00:00+00:00"


def test_an_answer_is_an_event_that_names_the_recommendation(found: dict[str, Any]) -> None:
    liked = found["items"][1]
    assert liked["shown"] == 40
    assert liked["events"] == 31
    assert liked["taken"] == 1
    assert liked["answered"]["value"] == pytest.approx(0.75)  # two events answered one of them
    assert 0.5 < liked["answered"]["low"] < 0.75 < liked["answered"]["high"] < 1
    assert found["usual"] == pytest.approx(30 / 440)
    assert liked["beside_usual"] == "above"


def test_with_enough_events_an_item_has_graduated(found: dict[str, Any]) -> None:
    assert [row["graduated"] for row in found["items"]] == [False, True, True]


def test_what_was_never_shown_has_no_rate(found: dict[str, Any]) -> None:
    assert found["items"][0]["shown"] == found["items"][0]["events"] == 0
    assert found["items"][0]["answered"] == {"value": None, "low": None, "high": None}
    assert found["items"][0]["beside_usual"] == "unclear"


def test_an_empty_shop_has_none(tmp_path: Path) -> None:
    assert new_items(Shop.open(tmp_path), 28, 50)["items"] == []
