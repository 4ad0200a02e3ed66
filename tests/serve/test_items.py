"""/v1/items: what is said of an item counts in the next answer, whichever worker gives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from endcap.cli.app import run
from endcap.config import Shop
from endcap.serve.access import scope_of
from endcap.store.items import Goods, export
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from endcap.types import History, Queries
from tests.serve.shops import NOW, serving
from tests.tables.raw_shop import DAY


@pytest.fixture
def two(own: Shop) -> Iterator[tuple[TestClient, TestClient]]:
    """Two workers of one shop."""
    with serving(own) as (first, _), serving(own) as (second, _):
        yield first, second


def shown(client: TestClient, **question: Any) -> dict[str, dict[str, Any]]:
    answer = client.post("/v1/recommend", json={"n": 50, **question})
    assert answer.status_code == 200, answer.text
    return {item["item_id"]: item for item in answer.json()["items"]}


def put(client: TestClient, item_id: str, **fields: Any) -> dict[str, Any]:
    answer = client.put(f"/v1/items/{item_id}", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_item_is_put_read_changed_and_deleted(two: tuple[TestClient, TestClient]) -> None:
    first, second = two
    given = {
        "title": "绿茶",
        "price": 4,
        "attributes": {"size": 3, "in": {"a": 1}},
        "tags": ["new"],
    }
    whole = put(first, "tea/1", **given, created_at="2017-05-01T00:00Z")
    assert whole["created_at"] == 1_493_596_800_000_000
    assert second.get("/v1/items/tea/1").json() == whole
    patch = {"price": None, "attributes": {"size": 4, "in": {"a": None, "b": 2}}}
    after = second.patch("/v1/items/tea/1", json=patch).json()
    assert after == {**whole, "price": None, "attributes": {"size": 4, "in": {"b": 2}}}
    assert first.get("/v1/items/tea/1").json() == after
    assert first.delete("/v1/items/tea/1").status_code == 204
    for answer in (
        second.get("/v1/items/tea/1"),
        second.patch("/v1/items/tea/1", json={"price": 1}),
        second.delete("/v1/items/tea/1"),
        second.get("/v1/similar?item_id=tea/1"),
    ):
        assert answer.status_code == 404
        assert "There is no item 'tea/1'." in answer.json()["detail"]
    assert put(second, "tea/1", title="back")["title"] == "back"
    assert first.get("/v1/items/tea/1").json()["title"] == "back"


def test_an_item_of_the_release_is_changed_where_it_is_patched(
    two: tuple[TestClient, TestClient],
) -> None:
    first, second = two
    before = first.get("/v1/items/item-03").json()
    assert before["title"]
    first.patch("/v1/items/item-03", json={"price": 0.5}).raise_for_status()
    assert second.get("/v1/items/item-03").json() == {**before, "price": 0.5}
    assert shown(second, filter="price < 1", fields=["price"])["item-03"]["price"] == 0.5
    assert set(shown(second, filter="price < 1")) == {"item-03"}


def test_what_is_sold_out_expired_or_deleted_is_gone_from_the_next_answer(
    two: tuple[TestClient, TestClient],
) -> None:
    first, second = two
    assert {"item-01", "item-02", "item-03"} <= set(shown(second))
    first.patch("/v1/items/item-01", json={"availability": "out_of_stock"}).raise_for_status()
    assert "item-01" not in shown(second)
    first.patch("/v1/items/item-02", json={"expires_at": NOW - DAY}).raise_for_status()
    assert "item-02" not in shown(second)
    first.delete("/v1/items/item-03").raise_for_status()
    assert "item-03" not in shown(second)
    why = second.post("/v1/explain", json={"item_id": "item-03"}).json()
    assert "the catalogue" in why["forbidden_by"]
    first.patch("/v1/items/item-01", json={"availability": "in_stock"}).raise_for_status()
    assert "item-01" in shown(second)


def test_what_is_deleted_is_gone_where_no_rule_says_so(own: Shop) -> None:
    with serving(own) as (client, current):
        client.delete("/v1/items/item-03").raise_for_status()
        latest = current.latest()
        assert latest is not None
        config = latest.recommender.config
        bare = config.placements["trending"].model_copy(update={"rules": ()})
        config = config.model_copy(update={"placements": {**config.placements, "bare": bare}})
        system = replace(latest.recommender, config=config)
        nobody = Queries.of(np.zeros(1, np.int32), np.array([NOW]), History.empty(1))
        items = system.answer(nobody, 50, "bare").ranking.item
        assert len(items) == 11
        assert latest.catalogue.code("item-03") not in items


def test_a_new_item_is_known_at_once(two: tuple[TestClient, TestClient]) -> None:
    """By fallbacks and filters, by its events, and as the page that a list stands on."""
    first, second = two
    put(first, "brand-new", title="Brand new", categories=["Fresh > Things"], price=3)
    answer = shown(second, filter='category under "Fresh"', fields=["title", "price"])
    assert [(one["title"], one["price"]) for one in answer.values()] == [("Brand new", 3.0)]
    assert list(shown(second, placement="trending"))[-1] == "brand-new"
    assert second.get("/v1/similar?item_id=brand-new").json()["items"]
    assert shown(second, placement="product", items=["brand-new"])
    for kind in ("view", "purchase"):
        event = {"event_type": kind, "item_id": "brand-new", "user_id": "ann"}
        first.post("/v1/events", json=event).raise_for_status()
        placement = {"view": "recently_viewed", "purchase": "buy_again"}[kind]
        assert list(shown(second, user_id="ann", placement=placement)) == ["brand-new"]
    assert "brand-new" not in shown(second, user_id="ann"), "taken already"


def test_a_new_item_that_is_taken_becomes_popular_and_a_neighbour(own: Shop) -> None:
    with serving(own) as (client, current):
        put(client, "hit", title="Hit")
        rows = [
            {
                "event_type": "purchase",
                "user_id": f"new-{n}",
                "item_id": item,
                "timestamp": NOW + at,
            }
            for n in range(300)
            for at, item in enumerate(["item-05", "hit"])
        ]
        client.post("/v1/events", json=rows).raise_for_status()
        current.learn()
        assert list(shown(client, placement="trending"))[:2] == ["item-05", "hit"]
        page = {"placement": "product", "items": ["item-05"], "n": 1}
        assert list(shown(client, **page)) == ["hit"]
        put(client, "later", title="Later")
        assert list(shown(client, **page)) == ["hit"], "what was learned stays when more come"


def test_bad_items_take_no_good_ones_down(own: Shop) -> None:
    with serving(own) as (client, _):
        rows = [
            {"item_id": "a", "price": 1},
            {"item_id": "b", "price": -1},
            {"title": "nameless"},
            7,
            {"item_id": "c", "availability": "soon"},
            {"item_id": "d", "colour": "red"},
            {"item_id": "a", "price": 2},
        ]
        answer = client.post("/v1/items", json=rows).json()
        assert answer["accepted"] == 2
        assert [one["index"] for one in answer["rejected"]] == [1, 2, 3, 4, 5]
        assert "price = -1" in answer["rejected"][0]["error"]
        assert client.get("/v1/items/a").json()["price"] == 2, "the last one counts"
        assert client.get("/v1/items/b").status_code == 404
        assert client.post("/v1/items", json={"item_id": "one"}).json()["accepted"] == 1
        assert client.post("/v1/items", json=[]).json() == {"accepted": 0, "rejected": []}
        for body in ("x", [7], [{"item_id": "x"}] * 1_001):
            assert client.post("/v1/items", json=body).status_code == 422


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "expected an object"),
        ({"item_id": "other"}, "item_id = 'other': expected 'item-01', as in the address"),
        ({"price": "dear"}, "price = 'dear'"),
        ({"attributes": {"x": "y" * 60_000}}, "at most 50,000 characters"),
    ],
)
def test_what_is_wrong_is_told(client: TestClient, body: Any, text: str) -> None:
    for send in (client.put, client.patch):
        answer = send("/v1/items/item-01", json=body)
        assert answer.status_code == 422
        assert text in answer.json()["detail"]


def test_many_change_the_same_item_and_nothing_is_lost(own: Shop) -> None:
    with serving(own) as (first, _), serving(own) as (second, _):
        put(first, "counted", attributes={})

        def change(client: TestClient, who: str) -> None:
            for number in range(10):
                patch = {"attributes": {f"{who}{number}": True}}
                client.patch("/v1/items/counted", json=patch).raise_for_status()

        threads = [
            threading.Thread(target=change, args=(client, who))
            for client, who in ((first, "a"), (second, "b"), (first, "c"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(first.get("/v1/items/counted").json()["attributes"]) == 30


def test_a_restart_knows_what_was_said(own: Shop) -> None:
    with serving(own) as (client, _):
        put(client, "new", title="New")
        client.delete("/v1/items/item-00").raise_for_status()
    with serving(own) as (client, current):
        answer = shown(client, placement="trending")
        assert "new" in answer
        assert "item-00" not in answer
        assert current.loaded is not None
        assert current.loaded.catalogue.rows.num_rows == 2


def test_the_next_prepare_knows_what_was_said(own: Shop) -> None:
    with serving(own) as (client, _):
        put(client, "new", title="New", price=3)
        client.patch("/v1/items/item-01", json={"title": "Changed"}).raise_for_status()
        client.delete("/v1/items/item-02").raise_for_status()
    live = own.tables / "items" / "live.parquet"
    with closing(Goods.open(own.live)) as kept:
        assert export(kept, live) == 3
    before = live.stat().st_mtime_ns
    with closing(Goods.open(own.live)) as kept:
        assert export(kept, live) == 3
    assert live.stat().st_mtime_ns == before, "what says the same already is left alone"
    prepare(own)
    catalogue = Dataset.load(prepared(own)).catalogue
    codes = [catalogue.code(id_) for id_ in ("new", "item-01")]
    assert None not in codes, "even an item without any event"
    titles = catalogue.describe([code for code in codes if code is not None], ["title"])
    assert [row["title"] for row in titles] == ["New", "Changed"]
    gone = catalogue.code("item-02")
    assert gone is not None
    assert catalogue.expires_at[gone] < 2e18


def test_an_import_has_the_last_word_on_what_was_said_before(own: Shop, tmp_path: Path) -> None:
    with serving(own) as (client, _):
        put(client, "item-01", price=1)
        client.delete("/v1/items/item-02").raise_for_status()
        feed = tmp_path / "feed.csv"
        feed.write_text("item_id,title,price\n" + "".join(f"item-0{n},fed,9\n" for n in (1, 2, 3)))
        assert run(["import", str(feed), "--shop", str(own.folder)]) == 0
        assert client.get("/v1/items/item-01").json()["price"] == 9
        assert client.get("/v1/items/item-02").json()["title"] == "fed"
        assert client.get("/v1/items/item-03").json()["title"] != "fed"


def test_an_answer_comes_though_changes_can_not_be_read(
    own: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(own) as (client, current):
        put(client, "item-01", title="known")
        assert shown(client)

        def broken() -> int:
            raise OperationalError("SELECT", {}, Exception("disk I/O error"))

        monkeypatch.setattr(current.goods, "latest", broken)
        assert shown(client, fields=["title"])["item-01"]["title"] == "known"


def test_before_there_is_a_release_items_are_kept(bare: Shop) -> None:
    with serving(bare) as (client, _):
        put(client, "early", title="Early")
        assert client.get("/v1/items/early").json()["title"] == "Early"
        assert client.patch("/v1/items/none", json={}).status_code == 404
    assert pq.read_table(export_to(bare))["item_id"].to_pylist() == ["early"]


def export_to(shop: Shop) -> Path:
    path = shop.folder / "out.parquet"
    with closing(Goods.open(shop.live)) as kept:
        assert export(kept, path) == 1
    return path


def test_only_an_administrator_may() -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert scope_of(method, "/v1/items/x") == "admin"
    assert scope_of("POST", "/v1/items") == "admin"
