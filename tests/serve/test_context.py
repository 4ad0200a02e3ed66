"""What a shop says of its users counts in their first answers, until a request says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.store.people import People
from endcap.tables.prepare import prepare
from tests.serve.shops import release, serving
from tests.tables.raw_shop import event, goods, raw_shop

BY_CONTEXT = (
    "retrievers.context.use = 'endcap.retrievers.context:ByContext'",
    "retrievers.context.shrink = 1.0",
    "placements.home.retrievers = ['context']",
    "placements.home.rules = []",
)

YOUNG, OLD, ALL = "item-01", "item-02", "item-00"


def visits() -> Iterator[dict[str, Any]]:
    """All take item 0 twice, the young item 1 once, the old item 2."""
    for user in range(60):
        for step, item in enumerate((ALL, ALL, (YOUNG, OLD)[user % 2])):
            yield event(f"user-{user:02}", item, user + step / 10)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    said = [
        {"user_id": f"user-{user:02}", "attributes": f'{{"age": "{("young", "old")[user % 2]}"}}'}
        for user in range(60)
    ]
    shop = raw_shop(tmp_path, visits(), goods(), said, changes=BY_CONTEXT)
    prepare(shop)
    release(shop, "first")
    return shop


def shown(client: TestClient, **question: Any) -> list[str]:
    answer = client.post("/v1/recommend", json={"n": 3, **question}).raise_for_status()
    return [item["item_id"] for item in answer.json()["items"]]


def say(client: TestClient, user: str, **attributes: Any) -> None:
    client.put(f"/v1/users/{user}", json={"attributes": attributes}).raise_for_status()


def test_a_newcomer_is_answered_by_what_the_shop_says_of_them(shop: Shop) -> None:
    with serving(shop) as (first, _), serving(shop) as (second, _):
        plain = shown(first, user_id="ann")
        assert plain[0] == ALL
        say(first, "ann", age="young")
        assert shown(second, user_id="ann").index(YOUNG) < shown(second, user_id="ann").index(OLD)
        say(first, "ann", age="Old", tier="gold")
        changed = shown(second, user_id="ann")
        assert changed.index(OLD) < changed.index(YOUNG), "the next answer of any worker knows it"
        say(first, "ann")
        assert shown(second, user_id="ann") == plain


def test_a_user_of_the_table_needs_no_put(shop: Shop) -> None:
    with serving(shop) as (client, _):
        young, old = shown(client, user_id="user-00"), shown(client, user_id="user-01")
        assert young.index(YOUNG) < young.index(OLD)
        assert old.index(OLD) < old.index(YOUNG)
        say(client, "user-00", age="old")
        assert shown(client, user_id="user-00") == old, "what was said last"
        say(client, "user-01", tier="gold")
        assert shown(client, user_id="user-01") == shown(client, user_id="nobody"), "in place of it"


def test_what_the_request_says_wins(shop: Shop) -> None:
    with serving(shop) as (client, _):
        old = shown(client, user_id="user-01")
        other = shown(client, user_id="user-01", context={"device": "phone"})
        assert other == old, "what it says nothing of stays"
        young = shown(client, user_id="user-01", context={"age": "young"})
        assert young == shown(client, user_id="user-00")


def test_a_device_has_no_attributes(shop: Shop) -> None:
    with serving(shop) as (client, _):
        say(client, "phone", age="young")
        assert shown(client, anonymous_id="phone") == shown(client, anonymous_id="other")


def test_where_no_model_hears_of_it_the_store_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(People, "labels", lambda self, user_id: asked.append(user_id))
    for name, changes in (("deaf", ()), ("hearing", BY_CONTEXT)):
        shop = raw_shop(tmp_path / name, visits(), goods(), changes=changes)
        prepare(shop)
        release(shop, "first")
        with serving(shop) as (client, _):
            shown(client, user_id="ann")
        assert ("ann" in asked) == (name == "hearing")
