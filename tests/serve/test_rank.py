"""/v1/rank: the same items, best first."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.recommender import Recommender
from endcap.serve.access import scope_of
from tests.serve.shops import serving


def rank(client: TestClient, *items: str, **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/rank", json={"items": items, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["release"] == "first"
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["item_id"] for row in rows]


def test_what_follows_the_visitors_past_comes_first(client: TestClient) -> None:
    """Who buys an item of this shop buys the next one soon after."""
    events = [{"event_type": "purchase", "item_id": "item-04"}]
    items = ["item-09", "item-05", "item-01", "item-07"]
    rows = rank(client, *items, anonymous_id="nobody", events=events, placement="cart")
    assert ids(rows)[0] == "item-05"
    assert sorted(ids(rows)) == sorted(items)
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_nothing_is_lost(own: Shop) -> None:
    """Neither what is unknown, nor what was taken already, is sold out or gone, or came twice."""
    with serving(own) as (client, _):
        client.patch("/v1/items/item-01", json={"availability": "out_of_stock"}).raise_for_status()
        client.delete("/v1/items/item-02").raise_for_status()
        client.put("/v1/items/new", json={"title": "New"}).raise_for_status()
        bought = {"event_type": "purchase", "item_id": "item-03", "user_id": "ann"}
        client.post("/v1/events", json=bought).raise_for_status()
        given = ["??", "item-01", "item-02", "item-03", "new", "item-03", "未知", "item-04"]
        rows = rank(client, *given, user_id="ann", fields=["title"])
        assert sorted(ids(rows)) == sorted(given)
        assert ids(rows)[-3:] == ["item-02", "??", "未知"]
        assert [row["score"] for row in rows[-3:]] == [None] * 3
        titles = {row["item_id"]: row.get("title") for row in rows}
        assert titles["new"] == "New"
        assert titles["item-04"]
        assert titles["??"] is None


def test_many_items_are_all_ordered(own: Shop) -> None:
    with serving(own) as (client, _):
        rows = [{"item_id": f"more-{n}"} for n in range(990)]
        assert client.post("/v1/items", json=rows).json()["accepted"] == 990
        given = [row["item_id"] for row in rows] + ["item-03", "item-04"]
        found = rank(client, *given)
        assert sorted(ids(found)) == sorted(given)
        assert set(ids(found)[:2]) == {"item-03", "item-04"}


@pytest.mark.parametrize("placement", ["home", "product", "buy_again", "category"])
def test_every_placement_orders(client: TestClient, placement: str) -> None:
    items = [f"item-{n:02}" for n in range(12)]
    assert sorted(ids(rank(client, *items, placement=placement, user_id="user-01"))) == items
    assert rank(client, placement=placement) == []


def test_it_fails_towards_an_answer(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Recommender, "propose", broken)
    answer = client.post("/v1/rank", json={"items": ["item-03", "item-04"]}).json()
    assert answer["path"] == "popular"
    assert sorted(ids(answer["items"])) == ["item-03", "item-04"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "items"),
        ({"items": "item-01"}, "items = 'item-01'"),
        ({"items": ["x"] * 1_001}, "at most 1000"),
        ({"items": ["x"], "placement": "nowhere"}, "placement = 'nowhere'"),
        ({"items": ["x"], "fields": ["nothing"]}, "'nothing' is not one of"),
        ({"items": ["x"], "n": 3}, "n = 3"),
    ],
)
def test_what_is_wrong_is_told(client: TestClient, body: dict[str, Any], text: str) -> None:
    answer = client.post("/v1/rank", json=body)
    assert (answer.status_code, text in answer.json()["detail"]) == (422, True), answer.text


def test_a_key_to_read_recommendations_is_enough() -> None:
    assert scope_of("POST", "/v1/rank") == "recommend"
