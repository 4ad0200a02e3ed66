"""/v1/users: who is who, in the next answer and in the next `prepare`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.store.compact import into_tables
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from tests.serve.shops import NOW, serving


def seen(client: TestClient, **who: str) -> list[str]:
    """What the service knows that someone looked at, newest first."""
    question = {**who, "placement": "recently_viewed", "n": 50}
    return [item["item_id"] for item in client.post("/v1/recommend", json=question).json()["items"]]


def send(client: TestClient, item: str, at: int = 0, **who: str) -> None:
    event = {"event_type": "view", "item_id": item, "timestamp": NOW + at, **who}
    assert client.post("/v1/events", json=event).json()["accepted"] == 1


def test_a_user_is_put_and_read(own: Shop) -> None:
    with serving(own) as (client, _):
        said = {"attributes": {"tier": "gold", "名": "李"}, "created_at": "2017-01-01"}
        answer = client.put("/v1/users/ann", json=said)
        wanted: dict[str, Any] = {"user_id": "ann", "attributes": said["attributes"]}
        wanted |= {"created_at": 1_483_228_800_000_000, "anonymous_ids": []}
        assert answer.json() == wanted
        assert client.get("/v1/users/ann").json() == wanted
        assert client.put("/v1/users/ann", json={}).json()["attributes"] is None
        assert client.get("/v1/users/user-03").json()["attributes"] is None, "known by their past"
        assert client.get("/v1/users/nobody").status_code == 404


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"user_id": "other"}, "expected 'ann', as in the address"),
        ({"tier": "gold"}, "tier = 'gold'"),
        ({"attributes": {"x": "y" * 20_000}}, "at most 10,000 characters"),
        ({"attributes": 3}, "attributes = 3"),
    ],
)
def test_what_is_wrong_is_told(client: TestClient, body: dict[str, Any], text: str) -> None:
    answer = client.put("/v1/users/ann", json=body)
    assert (answer.status_code, text in answer.json()["detail"]) == (422, True)


def test_the_past_of_a_device_is_the_users_in_the_next_answer(own: Shop) -> None:
    with serving(own) as (first, _), serving(own) as (second, _):
        send(first, "item-01", 1, anonymous_id="phone")
        send(first, "item-02", 2, user_id="ann")
        send(first, "item-03", 3, anonymous_id="tablet")
        assert seen(second, user_id="ann") == ["item-02"]
        for device in ("phone", "tablet", "phone"):
            answer = first.post("/v1/users/ann/merge", json={"anonymous_id": device})
            answer.raise_for_status()
        assert answer.json()["anonymous_ids"] == ["phone", "tablet"]
        assert seen(second, user_id="ann") == ["item-03", "item-02", "item-01"]
        send(first, "item-04", 4, anonymous_id="phone")
        assert seen(second, user_id="ann")[0] == "item-04"
        assert seen(second, anonymous_id="phone") == ["item-04", "item-01"], "a device knows itself"
        other = second.post("/v1/users/bob/merge", json={"anonymous_id": "phone"})
        assert other.status_code == 409
        assert "another user's already" in other.json()["detail"]


def test_a_device_that_was_prepared_is_merged_too(own: Shop) -> None:
    """The shop's own visitors stand for devices here: they have a past in the prepared tables."""
    with serving(own) as (client, _):
        before = {user: seen(client, user_id=user) for user in ("user-01", "user-02")}
        client.post("/v1/users/user-01/merge", json={"anonymous_id": "user-02"}).raise_for_status()
        both = seen(client, user_id="user-01")
        assert set(both) == set(before["user-01"]) | set(before["user-02"])
        assert seen(client, user_id="user-02") == before["user-02"]


def test_the_next_prepare_knows_whose_a_device_is(own: Shop) -> None:
    with serving(own) as (client, _):
        send(client, "item-01", 1, anonymous_id="phone")
        send(client, "item-02", 2, anonymous_id="phone", user_id="bob")
        send(client, "item-03", 3, user_id="ann")
        client.post("/v1/users/ann/merge", json={"anonymous_id": "phone"}).raise_for_status()
        client.put("/v1/users/ann", json={"attributes": {"tier": "gold"}}).raise_for_status()
    into_tables(own)
    into_tables(own)
    prepare(own)
    dataset = Dataset.load(prepared(own))
    ann, bob, phone = dataset.user_codes(["ann", "bob", "phone"])
    assert phone == 0, "a device that is someone's is nobody by itself"
    ids = np.array(dataset.catalogue.ids)
    assert ids[dataset.item[dataset.user == ann]].tolist() == ["item-01", "item-03"]
    assert ids[dataset.item[dataset.user == bob]].tolist() == ["item-02"], "who was signed in stays"
