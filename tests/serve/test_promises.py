"""What every answer promises, whatever is asked: n items or the reason why there are fewer, none
twice, none that is excluded, sold out or gone, and all meet the filter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from endcap.config import Config, Shop
from tests.serve.shops import prepared_shop, release, serving

ITEMS = [f"item-{n:02}" for n in range(12)]
BRANDS = ("Acme", "华为", 'Qu"ote')


@dataclass
class Stall:
    """A shop whose items change, and what is known of them here."""

    client: TestClient
    items: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stall]:
    shop: Shop = prepared_shop(Path(tmp_path_factory.mktemp("stall")))
    release(shop, "first")
    with serving(shop) as (client, _):
        known = {id_: client.get(f"/v1/items/{id_}").json() for id_ in ITEMS}
        yield Stall(client, known)


ids = st.sampled_from([*ITEMS, "new-1", "new-2", "no such"])
changes = st.lists(
    st.tuples(
        st.sampled_from([*ITEMS, "new-1", "new-2"]),
        st.fixed_dictionaries(
            {},
            optional={
                "availability": st.sampled_from(["in_stock", "out_of_stock", "preorder"]),
                "price": st.sampled_from([1.0, 5.0, 20.0]),
                "brand": st.sampled_from(BRANDS),
            },
        )
        | st.none(),
    ),
    max_size=4,
)
filters = st.sampled_from(
    [
        ("", lambda item: True),
        ("price < 6", lambda item: item["price"] is not None and item["price"] < 6),
        ('brand == "华为"', lambda item: item["brand"] == "华为"),
        ('not brand == "Acme"', lambda item: item["brand"] != "Acme"),
        ("available", lambda item: item["availability"] != "out_of_stock"),
    ]
)
questions = st.fixed_dictionaries(
    {"n": st.integers(1, 30), "placement": st.sampled_from(sorted(Config().placements))},
    optional={
        "user_id": st.sampled_from(["user-01", "user-17", "nobody", "李"]),
        "items": st.lists(ids, max_size=4),
        "exclude": st.lists(ids, max_size=8),
        "events": st.lists(
            st.fixed_dictionaries(
                {"item_id": ids, "event_type": st.sampled_from(["view", "purchase", "odd"])}
            ),
            max_size=5,
        ),
        "explain": st.booleans(),
    },
)


def change(stall: Stall, item_id: str, fields: dict[str, Any] | None) -> None:
    """As a shop would: put what is new, patch what is there, delete what is to go."""
    path = f"/v1/items/{item_id}"
    if fields is None:
        assert stall.client.delete(path).status_code == (204 if item_id in stall.items else 404)
        stall.items.pop(item_id, None)
        return
    send = stall.client.patch if item_id in stall.items else stall.client.put
    answer = send(path, json=fields)
    assert answer.status_code == 200, answer.text
    stall.items[item_id] = answer.json()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=changes, question=questions, wanted=filters)
def test_an_answer_keeps_its_promises(
    stall: Stall, changed: list[Any], question: dict[str, Any], wanted: tuple[str, Any]
) -> None:
    for item_id, fields in changed:
        change(stall, item_id, fields)
    text, meets = wanted
    asked = {**question, **({"filter": text} if text else {})}
    response = stall.client.post("/v1/recommend", json=asked)
    assert response.status_code == 200, response.text
    answer = response.json()
    shown = [item["item_id"] for item in answer["items"]]
    assert len(shown) <= asked["n"]
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(stall.items)
    assert not set(shown) & set(asked.get("exclude", []))
    assert all(stall.items[id_]["availability"] != "out_of_stock" for id_ in shown)
    assert all(meets(stall.items[id_]) for id_ in shown)
    assert ("fewer" in answer) == (len(shown) < asked["n"])
    if "fewer" in answer:
        fewer = answer["fewer"]
        assert (fewer["wanted"], fewer["found"]) == (asked["n"], len(shown))
        assert len(shown) <= fewer["may_be_shown"] <= len(ITEMS) + 2
        assert fewer["text"]
    if question.get("explain"):
        assert all(item["reason"]["text"] for item in answer["items"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 5), who=st.sampled_from([{}, {"user_id": "user-02"}]))
def test_pages_repeat_nothing_and_leave_nothing_out(
    stall: Stall, n: int, who: dict[str, str]
) -> None:
    everything = {"placement": "trending", **who}
    whole = stall.client.post("/v1/recommend", json={**everything, "n": 50}).json()["items"]
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in range(20):
        page = stall.client.post("/v1/recommend", json={**everything, "n": n, **after}).json()
        seen += [item["item_id"] for item in page["items"]]
        after = {"after": page["recommendation_id"]}
        if "fewer" in page:
            break
    assert seen == [item["item_id"] for item in whole]


def test_a_page_after_nothing_is_told(stall: Stall) -> None:
    for question, text in (
        ({"after": "none"}, "there is no such answer"),
        ({"after": _page(stall, user_id="user-01"), "user_id": "user-02"}, "another visitor"),
    ):
        answer = stall.client.post("/v1/recommend", json=question)
        assert answer.status_code == 422
        assert text in answer.json()["detail"]


def test_a_later_page_can_be_asked_again(stall: Stall) -> None:
    second = _page(stall, n=3, after=_page(stall, n=3))
    answer = stall.client.post(f"/v1/recommendations/{second}/rerun", json={"release": "first"})
    assert answer.json()["difference"] == {"entered": [], "left": [], "moved": []}


def _page(stall: Stall, **question: Any) -> str:
    return str(stall.client.post("/v1/recommend", json=question).json()["recommendation_id"])
