"""Prices by market: what an item costs is what it costs where it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from tests.serve.shops import QUICK, release, serving

FIELDS = ["price", "sale_price", "currency"]


def put(client: TestClient, number: int, **prices: Any) -> None:
    item = {"price": 1.0, "currency": "CNY", "attributes": {"prices": prices}}
    answer = client.put(f"/v1/items/item-{number:02}", json=item)
    assert answer.status_code in (200, 201), answer.text


def asked(client: TestClient, **more: Any) -> dict[str, dict[str, Any]]:
    """The items of an answer, by id."""
    body = {"user_id": "nobody", "n": 12, "fields": FIELDS, **more}
    answer = client.post("/v1/recommend", json=body)
    assert answer.status_code == 200, answer.text
    return {item["item_id"]: item for item in answer.json()["items"]}


@pytest.fixture
def two(own: Shop) -> Any:
    """A shop whose first two items have prices by market."""
    with serving(own) as (client, _):
        euro = {"price": 20, "sale_price": 15, "currency": "EUR"}
        put(client, 0, de=euro, us={"price": 90, "currency": "USD"})
        put(client, 1, us={"price": 80, "currency": "USD"})
        yield client


def test_an_answer_shows_the_price_where_it_is_asked_for(two: TestClient) -> None:
    german = asked(two, context={"market": "DE"})
    shown = {name: german["item-00"][name] for name in FIELDS}
    assert shown == {"price": 20.0, "sale_price": 15.0, "currency": "EUR"}
    assert german["item-01"]["price"] is None
    assert asked(two, context={"market": "us"})["item-01"]["currency"] == "USD"
    plain = asked(two)["item-00"]
    assert (plain["price"], plain["currency"]) == (1.0, "CNY")
    # Those that say nothing of markets have their one price.
    assert german["item-02"]["price"] == asked(two)["item-02"]["price"]


def test_a_filter_goes_by_it(two: TestClient) -> None:
    cheap = "price < 21"
    assert "item-00" in asked(two, filter=cheap, context={"market": "de"})
    assert "item-01" not in asked(two, filter=cheap, context={"market": "de"})
    assert "item-00" not in asked(two, filter=cheap, context={"market": "us"})
    assert {"item-00", "item-01"} <= asked(two, filter=cheap).keys()
    named = asked(two, filter='market == "us" and price > 70')
    assert named.keys() == {"item-00", "item-01"}
    assert named["item-01"]["price"] == 80.0


def test_so_do_similar_items_and_orders(two: TestClient) -> None:
    like = {"item_id": "item-03", "n": 12, "fields": FIELDS, "filter": 'market == "us"'}
    similar = two.post("/v1/similar", json=like).json()["items"]
    assert {one["item_id"]: one["price"] for one in similar}["item-00"] == 90.0
    order = {"items": ["item-00"], "fields": FIELDS, "context": {"market": "de"}}
    [ranked] = two.post("/v1/rank", json=order).json()["items"]
    assert ranked["price"] == 20.0


def test_what_has_no_price_there_goes_only_where_the_rule_says_so(own: Shop) -> None:
    for priced in (False, True):
        setting = f"rules.availability.priced = {str(priced).lower()}"
        release(Shop.open(own.folder, (*QUICK, setting)), f"priced-{priced}")
        with serving(own) as (client, _):
            put(client, 1, us={"price": 80})
            assert ("item-01" in asked(client, context={"market": "de"})) != priced
            assert "item-01" in asked(client, context={"market": "us"})
            assert "item-01" in asked(client)


def test_a_new_price_counts_at_once(two: TestClient) -> None:
    put(two, 1, de={"price": 5, "currency": "EUR"})
    assert asked(two, context={"market": "de"})["item-01"]["price"] == 5.0
    answer = two.patch("/v1/items/item-01", json={"attributes": {"prices": {"de": {"price": 6}}}})
    assert answer.status_code == 200, answer.text
    assert asked(two, context={"market": "de"})["item-01"]["price"] == 6.0


@pytest.mark.parametrize(
    "prices", [3, {"de": 3}, {"de": {"currency": "EUR"}}, {"de": {"price": -1}}, {"": {"price": 1}}]
)
def test_what_is_no_price_is_refused(two: TestClient, prices: Any) -> None:
    answer = two.put("/v1/items/item-02", json={"attributes": {"prices": prices}})
    assert answer.status_code == 422
    assert "prices" in answer.text


def test_an_unknown_word_of_a_price_is_told_which_there_are(two: TestClient) -> None:
    prices = {"de": {"price": 6, "sale": 5}}
    answer = two.put("/v1/items/item-02", json={"attributes": {"prices": prices}})
    [error] = answer.json()["errors"]
    assert error["field"] == "attributes"
    assert "de.sale = 5: there is no such field, but price, sale_price, currency" in error["detail"]
