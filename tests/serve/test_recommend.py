"""/v1/recommend and /v1/similar."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from endcap.config import Config, Shop
from endcap.recommender import Recommender
from endcap.serve.ids import seed_of
from endcap.store.events import impressions, shown_by
from endcap.types import History, Queries
from tests.serve.shops import NOW, QUICK, release, serving


def ask(client: TestClient, **question: Any) -> dict[str, Any]:
    answer = client.post("/v1/recommend", json=question)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def send(client: TestClient, kind: str, item: str, **who: str) -> None:
    event = {"event_type": kind, "item_id": item, **who}
    assert client.post("/v1/events", json=event).json()["accepted"] == 1


def test_the_answer_has_its_shape(client: TestClient) -> None:
    answer = ask(client, user_id="user-03", n=3)
    assert set(answer) == {"recommendation_id", "release", "path", "items"}
    assert (answer["release"], answer["path"]) == ("first", "full")
    assert all(set(item) == {"item_id", "score"} for item in answer["items"])
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["recommendation_id"] != ask(client, user_id="user-03")["recommendation_id"]


def test_someone_unknown_gets_an_answer(quiet: TestClient) -> None:
    assert len(ids(ask(quiet))) == 10
    assert ids(ask(quiet, anonymous_id="never seen")) == ids(ask(quiet))


@pytest.mark.parametrize("placement", Config().placements)
@pytest.mark.parametrize("who", [{}, {"user_id": "user-05"}, {"items": ["item-05"]}])
def test_every_placement_answers_everyone(
    client: TestClient, placement: str, who: dict[str, Any]
) -> None:
    answer = ask(client, **who, placement=placement, explain=True, fields=["title", "attributes"])
    assert all(item["title"] and item["reason"]["text"] for item in answer["items"])
    if placement not in ("buy_again", "recently_viewed"):
        assert answer["items"]


def test_an_event_changes_the_next_answer(client: TestClient) -> None:
    before = ids(ask(client, anonymous_id="fay"))
    send(client, "click", "item-05", anonymous_id="fay")
    after = ids(ask(client, anonymous_id="fay"))
    assert before != after
    send(client, "purchase", after[0], anonymous_id="fay")
    assert after[0] not in ids(ask(client, anonymous_id="fay"))


def test_events_of_the_request_count_and_are_not_kept(quiet: TestClient) -> None:
    plain = ids(ask(quiet, anonymous_id="gil"))
    events = [{"event_type": "purchase", "item_id": plain[0], "price": 3}, {"item_id": "no such"}]
    assert plain[0] not in ids(ask(quiet, anonymous_id="gil", events=events))
    assert ids(ask(quiet, anonymous_id="gil")) == plain


def test_what_is_excluded_is_not_answered(client: TestClient) -> None:
    first, second, *_ = ids(ask(client))
    assert not {first, second} & set(ids(ask(client, exclude=[first, second, second, "?"])))


def test_about_items(client: TestClient) -> None:
    about = ids(ask(client, placement="product", items=["item-01"], n=5))
    assert "item-01" not in about
    assert about != ids(ask(client, placement="product", items=["item-02"], n=5))


@pytest.mark.parametrize(
    ("accepted", "asked", "text"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", {}, "因为您看过“商品 5”"),
        ("en-GB", {}, "Because you looked at 商品 5"),
        ("fr", {}, "Because you looked at 商品 5"),
        ("en", {"language": "zh"}, "因为您看过“商品 5”"),
    ],
)
def test_reasons_are_in_the_language_of_the_reader(
    client: TestClient, accepted: str, asked: dict[str, str], text: str
) -> None:
    who = f"reader {accepted} {asked}"
    send(client, "view", "item-05", anonymous_id=who)
    question = {"anonymous_id": who, "exclude": ["item-05"], "explain": True, "n": 1, **asked}
    answer = client.post(
        "/v1/recommend",
        json=question,
        headers={"Accept-Language": accepted},
    ).json()
    assert answer["items"][0]["reason"]["text"] == text


@pytest.mark.parametrize(
    ("language", "about_another", "about_itself"),
    [
        ("en", "Because you put 商品 5 into your basket", "You put this into your basket before"),
        ("zh", "因为您把“商品 5”加入过购物车", "您把这件商品加入过购物车"),
    ],
)
def test_what_lies_in_the_basket_is_said_in_whole_sentences(
    client: TestClient, language: str, about_another: str, about_itself: str
) -> None:
    who = f"basket {language}"
    send(client, "add_to_cart", "item-05", anonymous_id=who)
    items = ask(client, anonymous_id=who, explain=True, language=language, n=40)["items"]
    texts = {item["item_id"]: item["reason"]["text"] for item in items}
    assert texts.pop("item-05") == about_itself
    assert about_another in texts.values()


def test_reasons_and_fields_for_people(client: TestClient) -> None:
    send(client, "view", "item-07", anonymous_id="hal")
    answer = ask(client, anonymous_id="hal", explain=True, fields=["title", "price", "categories"])
    texts = {item["reason"]["text"] for item in answer["items"]}
    assert "Because you looked at 商品 7" in texts
    item = answer["items"][0]
    assert item["title"].startswith("商品")
    assert item["categories"][0].startswith("Home > Shelf")
    again = ask(client, user_id="user-03", placement="buy_again", explain=True)
    assert all("You b" in item["reason"]["text"] for item in again["items"])
    assert ask(client, explain=True)["items"][0]["reason"] == {
        "kind": "popular",
        "items": [],
        "text": "Popular this month",
    }


def test_the_quick_look_answers_the_same(quiet: TestClient) -> None:
    query = "user_id=user-03&n=4&placement=trending&fields=title&exclude=item-01&exclude=item-02"
    look = quiet.get(f"/v1/recommend?{query}").json()
    body = {"exclude": ["item-01", "item-02"], "fields": ["title"], "placement": "trending"}
    assert look["items"] == ask(quiet, user_id="user-03", n=4, **body)["items"]


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"n": 101}, "n", "less than or equal to 100"),
        ({"placement": "moon"}, "placement", "expected one of home, email"),
        ({"fields": ["colour"]}, "fields", "'colour' is not one of item_id"),
        ({"filter": "price < "}, "filter", "has the end at character 9. Expected a number"),
        ({"filter": "prize < 5"}, "filter", "no attribute 'prize' at character 1. Expected one of"),
        ({"filter": ["a"]}, "filter", "Input should be a valid string"),
        ({"usr_id": 1}, "usr_id", "there is no such field, but fields, n, filter, user_id"),
        ({"usr_id": 1}, "usr_id", "; perhaps user_id is meant"),
        ({"{n}": 1}, "{n}", "there is no such field"),
        ({"items": ["a"] * 1_001}, "items", "at most 1000"),
        ({"events": [{"item_id": ""}]}, "events.0.item_id", "at least 1 character"),
    ],
)
def test_a_wrong_question_is_a_problem_with_field_and_value(
    client: TestClient, wrong: dict[str, Any], field: str, said: str
) -> None:
    answer = client.post("/v1/recommend", json=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert "value" in error
    assert said in error["detail"]
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("path", ["recommend?usr_id=1", "similar?item_id=item-01&usr_id=1"])
def test_a_quick_look_names_the_fields_that_there_are(client: TestClient, path: str) -> None:
    [error] = client.get(f"/v1/{path}").json()["errors"]
    assert (error["field"], error["value"]) == ("usr_id", "1")
    assert error["detail"].startswith("there is no such field, but fields, n, filter, ")


def test_a_field_that_is_missing_has_no_value(client: TestClient) -> None:
    errors = client.post("/v1/similar", json={"item": "item-01"}).json()["errors"]
    assert {"field": "item_id", "value": None, "detail": "Field required"} in errors


@pytest.mark.parametrize("path", ["full", "popular"])
def test_a_filter_leaves_lists_full(
    client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retrievers know of it: even the least popular six come, though six are asked for."""
    if path == "popular":
        monkeypatch.setattr(Recommender, "propose", broken)
    least = ids(ask(client, placement="trending", n=12))[6:]
    listed = ", ".join(f"'{item}'" for item in least)
    answer = ask(client, n=6, filter=f"item_id in ({listed})")
    assert answer["path"] == path
    assert sorted(ids(answer)) == sorted(least)


def test_a_filter_over_what_a_shop_knows_of_its_items(client: TestClient) -> None:
    text = "price < 15 and brand in ('Brand 0', '华为') and category under 'Home'"
    assert set(ids(ask(client, filter=text))) == {"item-00", "item-02", "item-04"}
    look = client.get("/v1/recommend", params={"filter": text, "n": 5})
    assert set(ids(look.json())) == {"item-00", "item-02", "item-04"}
    similar = client.post("/v1/similar", json={"item_id": "item-02", "filter": text})
    assert set(ids(similar.json())) == {"item-00", "item-04"}
    assert ids(ask(client, filter="price < 0")) == []
    assert len(ids(ask(client, filter=" "))) == 10


def test_the_problem_points_at_the_place(client: TestClient) -> None:
    text = "available and prize < 5"
    for answer in (
        client.post("/v1/recommend", json={"filter": text}),
        client.get("/v1/similar", params={"item_id": "item-01", "filter": text}),
    ):
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["position"], error["value"]) == (15, text)


def test_a_wrong_quick_look_is_the_same_problem(client: TestClient) -> None:
    answer = client.get("/v1/recommend?n=many")
    assert answer.json()["errors"][0]["field"] == "n"
    assert answer.json()["errors"][0]["value"] == "many"


def test_similar_items(client: TestClient) -> None:
    answer = client.post("/v1/similar", json={"item_id": "item-03", "n": 4, "fields": ["title"]})
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 4
    assert "item-03" not in ids(answer.json())
    assert client.get("/v1/similar?item_id=item-03&n=4&fields=title").json() == answer.json()


def test_an_unknown_item_has_nothing_similar(client: TestClient) -> None:
    answer = client.post("/v1/similar", json={"item_id": "no such"})
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["value"] == "no such"


def test_what_was_shown_is_written_down(shop: Shop) -> None:
    with serving(shop) as (client, current):
        answer = ask(client, user_id="user-07", n=2, placement="email")
        current.live.database.submit(lambda connection: None).result()
        query = select(impressions).where(
            impressions.c.recommendation_id == answer["recommendation_id"]
        )
        with current.live.database.engine.connect() as connection:
            rows = [*shown_by(connection.execute(query).mappings().one())]
    assert [row["item_id"] for row in rows] == ids(answer)
    assert [row["position"] for row in rows] == [1, 2]
    assert rows[0]["user_id"] == "user-07"
    assert (rows[0]["placement"], rows[0]["release"]) == ("email", "first")
    assert rows[0]["timestamp"] == NOW
    assert [row["propensity"] for row in rows] == [1.0, 1.0]


def test_what_was_drawn_is_written_down_with_its_chance(shop: Shop, tmp_path: Path) -> None:
    """An answer can be drawn again: its id is the seed of its chance."""
    settings = (
        *QUICK,
        "rules.explore.use = 'endcap.rules.explore:Explore'",
        "rules.explore.share = 0.5",
        "rules.explore.cut = 3",
        "placements.email.rules = ['availability', 'explore']",
    )
    sent = shutil.ignore_patterns("live.sqlite*")
    folder = shutil.copytree(shop.folder, tmp_path / "shop", ignore=sent)
    own = Shop.open(folder, settings)
    release(own, "exploring")
    with serving(own) as (client, current):
        answers = [ask(client, n=3, placement="email") for _ in range(20)]
        current.live.database.submit(lambda connection: None).result()
        query = select(impressions).where(impressions.c.release == "exploring")
        with current.live.database.engine.connect() as connection:
            found = connection.execute(query).mappings().all()
        chances = {row["propensity"] for answer in found for row in shown_by(answer)}
        assert current.loaded is not None
        seed = seed_of(uuid.UUID(answers[0]["recommendation_id"]))
        plain = Queries.of(np.zeros(1, np.int32), np.array([NOW]), History.empty(1))
        again = current.loaded.recommender.answer(
            replace(plain, seeds=np.array([seed])), 3, "email"
        )
    assert len({tuple(ids(answer)) for answer in answers}) > 5
    assert 0.5 in chances
    assert min(chances) < 0.5
    catalogue = current.loaded.recommender.catalogue
    assert [catalogue.ids[code] for code in again.ranking.item] == ids(answers[0])


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("broken on purpose")


def test_without_the_store_there_is_an_answer(shop: Shop) -> None:
    with serving(shop) as (client, current):
        current.learn()  # or what other tests sent may be learned between the two questions
        before = ids(ask(client, user_id="user-03"))
        with current.live.database.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE events RENAME TO elsewhere")
        try:
            assert ids(ask(client, user_id="user-03")) == before
        finally:
            with current.live.database.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO events")


def test_without_reasons_there_is_an_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recommender, "reasons", broken)
    assert "reason" not in ask(client, explain=True)["items"][0]


def test_without_retrieval_there_is_what_is_popular(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recommender, "propose", broken)
    answer = ask(client, user_id="user-03")
    assert answer["path"] == "popular"
    assert answer["items"]


def test_a_clock_ahead_does_not_hide_the_past(shop: Shop) -> None:
    """A visitor's event may be later than our now; the question is asked right after it."""
    with serving(shop) as (client, _):
        late = NOW + 3_600_000_000
        event = {"event_type": "purchase", "item_id": "item-04", "timestamp": late}
        client.post("/v1/events", json=event | {"user_id": "ida"})
        assert "item-04" not in ids(ask(client, user_id="ida"))
