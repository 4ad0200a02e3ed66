"""How answers came about: explain, trace, rerun."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from tests.serve.shops import NOW, QUICK, release, serving

RULES = (
    *QUICK,
    "rules.caps.use = 'endcap.rules.caps:Caps'",
    "rules.caps.most = {brand = 1}",
    "rules.block.use = 'endcap.rules.blocklist:Blocklist'",
    "rules.block.items = ['item-03']",
    "rules.explore.use = 'endcap.rules.explore:Explore'",
    "rules.explore.share = 0.5",
    "rules.explore.cut = 3",
    "rules.pins.use = 'endcap.rules.pins:Pins'",
    "rules.pins.pins = [{place = 1, item = 'item-11'}]",
    "placements.home.rules = ['already_taken', 'availability', 'block', 'pins']",
    "placements.email.rules = ['block', 'caps']",
    "placements.email.filter = 'price > 11'",
    "placements.trending.rules = ['explore']",
)


@pytest.fixture(scope="module")
def client(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A shop with rules, and a second release in which item-00 is not pinned but item-02 is."""
    sent = shutil.ignore_patterns("live.sqlite*")
    folder = shutil.copytree(shop.folder, tmp_path_factory.mktemp("traces") / "shop", ignore=sent)
    other = "rules.pins.pins = [{place = 1, item = 'item-02'}]"
    release(Shop.open(folder, (*RULES, other)), "other")
    own = Shop.open(folder, RULES)
    release(own, "own")
    with serving(own) as (client, current):
        # What models learn between an answer and its repetition would change the repetition.
        current.learn = lambda: False  # type: ignore[method-assign]
        yield client


def post(client: TestClient, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def why(client: TestClient, item: str, **body: Any) -> Any:
    return post(client, "/v1/explain", item_id=item, **body)


def test_why_it_is_shown(client: TestClient) -> None:
    listed = [row["item_id"] for row in post(client, "/v1/recommend", user_id="mo", n=5)["items"]]
    for place, item in enumerate(listed, start=1):
        found = why(client, item, user_id="mo", n=5)
        assert (found["shown"], found["place"]) == (True, place)
        assert found["text"] == f"It is shown at place {place}."
        assert found["forbidden_by"] == []
        assert found["proposed_by"]["popular"] >= 1
        assert found["steps"][-1] == {"step": "pins", "place": place}


def test_why_it_is_not_shown(client: TestClient) -> None:
    found = why(client, "item-03", user_id="mo")
    assert found["text"] == "It is not shown: forbidden by block."
    assert found["proposed_by"] == {}
    plain = why(client, "item-05", exclude=["item-05"], filter="price < 12", items=["item-05"])
    assert plain["forbidden_by"] == ["exclude", "filter", "items"]
    assert why(client, "item-01", placement="email")["forbidden_by"] == ["the placement's filter"]
    event = {"event_type": "purchase", "user_id": "mo", "item_id": "item-07"}
    client.post("/v1/events", json=event)
    assert why(client, "item-07", user_id="mo")["forbidden_by"] == ["already_taken"]
    last = [row["item_id"] for row in post(client, "/v1/recommend", n=10)["items"]][-1]
    text = why(client, last, n=2)["text"]
    assert text == "It is not shown: it stands at place 10, and 2 are shown."


def test_why_a_rule_left_it_out(client: TestClient) -> None:
    shown = {row["item_id"] for row in post(client, "/v1/recommend", placement="email")["items"]}
    assert len(shown) == 2  # one of each brand
    [capped, *_] = {f"item-{number:02}" for number in range(4, 12)} - shown
    found = why(client, capped, placement="email")
    assert "left out by caps, from place" in found["text"]
    assert found["steps"][-1] == {"step": "caps", "place": None}


def test_an_unknown_item_and_a_wrong_question(client: TestClient) -> None:
    assert client.post("/v1/explain", json={"item_id": "nope"}).status_code == 404
    answer = client.post("/v1/explain", json={"item_id": "item-01", "placement": "moon"})
    assert answer.json()["errors"][0]["field"] == "placement"
    assert client.post("/v1/explain", json={"user_id": "mo"}).status_code == 422


def test_the_trace_says_who_proposed_and_what_was_moved(client: TestClient) -> None:
    asked = {"user_id": "张三", "n": 4, "filter": "available", "events": [{"item_id": "item-01"}]}
    answer = post(client, "/v1/recommend", **asked)
    found = client.get(f"/v1/recommendations/{answer['recommendation_id']}").json()
    assert (found["release"], found["path"]) == ("own", "full")
    assert found["question"]["user_id"] == "张三"
    assert found["question"]["filter"] == "available"
    assert NOW <= found["timestamp"] <= NOW + 10
    items = found["items"]
    assert [row["item_id"] for row in items] == [row["item_id"] for row in answer["items"]]
    assert items[0]["item_id"] == "item-11"
    assert items[0]["moved_by"][-1]["step"] == "pins"
    assert items[0]["moved_by"][-1]["to"] == 1
    assert items[1]["proposed_by"]["popular"] >= 1
    assert items[1]["propensity"] == 1.0


def test_the_trace_says_what_was_removed(client: TestClient) -> None:
    answer = post(client, "/v1/recommend", placement="email", n=6)
    found = client.get(f"/v1/recommendations/{answer['recommendation_id']}").json()
    assert len(found["removed"]) == 4
    for row in found["removed"]:
        assert row["moved_by"][-1]["step"] == "caps"
        assert row["moved_by"][-1]["to"] is None


def test_there_is_no_such_answer(client: TestClient) -> None:
    for path in ("/v1/recommendations/nope", "/v1/recommendations/%E5%BC%A0"):
        assert client.get(path).status_code == 404
    answer = client.post("/v1/recommendations/nope/rerun", json={"release": "own"})
    assert answer.json()["errors"][0]["field"] == "recommendation_id"


@pytest.mark.parametrize("placement", ["home", "trending"])
def test_the_same_release_answers_the_same_again(client: TestClient, placement: str) -> None:
    """Though more has happened since, and though it is left to chance."""
    events = [{"item_id": "item-04", "event_type": "purchase"}]
    asked: dict[str, Any] = {"anonymous_id": f"an-{placement}", "n": 8, "events": events}
    answers = [post(client, "/v1/recommend", placement=placement, **asked) for _ in range(3)]
    for answer in answers:
        taken = answer["items"][1]["item_id"]
        event = {"event_type": "purchase", "item_id": taken, "timestamp": NOW / 1e6 + 60}
        client.post("/v1/events", json=event | {"anonymous_id": f"an-{placement}"})
    for answer in answers:
        path = f"/v1/recommendations/{answer['recommendation_id']}/rerun"
        again = post(client, path, release="own")
        assert again["items"] == answer["items"]
        assert again["difference"] == {"entered": [], "left": [], "moved": []}


def test_another_release_and_the_difference(client: TestClient) -> None:
    answer = post(client, "/v1/recommend", user_id="lu", n=5)
    path = f"/v1/recommendations/{answer['recommendation_id']}/rerun"
    found = post(client, path, release="other")
    assert (found["release"], found["path"]) == ("other", "full")
    assert found["items"][0]["item_id"] == "item-02"
    old = [row["item_id"] for row in answer["items"]]
    new = [row["item_id"] for row in found["items"]]
    difference = found["difference"]
    assert {row["item_id"] for row in difference["entered"]} == {*new} - {*old}
    assert {row["item_id"] for row in difference["left"]} == {*old} - {*new}
    for row in difference["moved"]:
        assert (old[row["from"] - 1], new[row["to"] - 1]) == (row["item_id"], row["item_id"])


@pytest.mark.parametrize("name", ["nope", "../first", ".", "live", "own/live", "/etc"])
def test_only_releases_can_be_asked_again(client: TestClient, name: str) -> None:
    answer = post(client, "/v1/recommend", user_id="lu")
    path = f"/v1/recommendations/{answer['recommendation_id']}/rerun"
    found = client.post(path, json={"release": name})
    assert found.status_code == 422
    assert found.json()["errors"][0]["value"] == name
