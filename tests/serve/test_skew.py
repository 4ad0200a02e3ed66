"""No skew: what was answered live is what the same release answers to the same question later."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from endcap.answer import Answer
from endcap.config import Shop
from endcap.experiment.batch import system
from endcap.experiment.fit import fit
from endcap.rankers.lambdamart import LambdaMART
from endcap.recommender import Recommender
from endcap.serve import current as module
from endcap.serve.answers import Heard, recommend
from endcap.serve.current import Current
from endcap.serve.loaded import Loaded
from endcap.serve.meters import Meters
from endcap.serve.queries import question
from endcap.serve.request_schemas import Ask
from endcap.serve.shadow import Shadow
from endcap.stages import Run
from endcap.store.events import LiveEvents
from endcap.store.releases import Releases
from endcap.store.shadows import Shadows
from endcap.store.visitors import Visitors
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared
from tests.experiment.learnable import learnable
from tests.serve.shops import NOW, serving

PLACEMENTS = ("home", "product", "cart", "trending", "buy_again", "recently_viewed")


def live(client: TestClient, chance: random.Random) -> list[str]:
    """The ids of answers to visitors, old and new, who go on acting all the while."""
    answers = []
    for number in range(60):
        who = {"user_id": f"user-{chance.randrange(24):02}"}
        if number % 3 == 0:
            who = {"anonymous_id": f"skew-{number % 7}"}
        item = f"item-{chance.randrange(12):02}"
        kind = chance.choice(["view", "add_to_cart", "purchase"])
        client.post("/v1/events", json={"event_type": kind, "item_id": item, **who})
        asked: dict[str, Any] = {
            **who,
            "n": chance.randint(1, 12),
            "placement": chance.choice(PLACEMENTS),
            "items": [item],
            "events": [{"item_id": f"item-{chance.randrange(12):02}"}],
        }
        answer = client.post("/v1/recommend", json=asked)
        assert answer.status_code == 200, answer.text
        answers.append(answer.json()["recommendation_id"])
    return answers


def test_live_answers_are_the_same_recomputed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a release learns while it serves is not in the release.
    monkeypatch.setattr(module, "PERIOD", 1e6)
    seconds = itertools.count(NOW, 1_000_000)
    with serving(shop) as (client, current):
        current.clock = lambda: next(seconds)
        answers = live(client, random.Random(1))  # noqa: S311
        traces = [client.get(f"/v1/recommendations/{one}").json() for one in answers]
        offline = system(shop, "first")
        for trace in traces:
            recomputed(offline, current, trace)


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """With the networks and the trees of a shop as it comes."""
    made = learnable(tmp_path_factory.mktemp("deep"))
    past, releases = Dataset.load(prepared(made)), Releases(made.releases)
    system = Recommender.load(releases.path(fit(made)["release"]) / "live")
    place, asked = system.placement("home"), past.asked(Part.TEST)
    candidates = system.propose(system.ask(asked.queries, place, include_seen=True), place)
    settings = LambdaMART.settings_type(trees=5, leaves=5, min_leaf=5)
    ranker = LambdaMART.fit(settings, past, asked, candidates, Run())
    system, manifest = replace(system, ranker=ranker), {"learned_until": {"live": past.end}}
    releases.write("deep", manifest, lambda folder: system.save(folder / "live"))
    releases.promote("deep")
    return made


def test_what_is_answered_together_is_the_same_recomputed_alone(
    deep: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All candidates with their places, their scores, and the order."""
    known = Dataset.load(prepared(deep))
    current = Current(deep, LiveEvents.open(deep.live), clock=lambda: known.end + 1)
    current.refresh()
    heard = []

    def hear(self: Recommender, *asked: Any) -> Answer:
        heard.append(answer := original(self, *asked))
        return answer

    original = Recommender.answer
    monkeypatch.setattr(Recommender, "answer", hear)
    looks = [Ask(user_id=f"u{number:02}", n=7) for number in range(0, 60, 5)]
    for number, look in enumerate(looks):
        item = known.catalogue.ids[number]
        event = {"event_type": "view", "item_id": item, "user_id": look.user_id}
        current.live.append([event | {"event_id": str(number), "timestamp": known.end}])
    shadow = Shadow(Shadows(current.live.database), lambda: None)
    answers = recommend(current, Meters(), shadow, [Heard(look) for look in looks])
    told = [json.loads(one) for one in answers]  # type: ignore[arg-type]
    monkeypatch.undo()
    [together] = heard
    assert together.path == "full"
    offline = system(deep, "deep")
    assert offline.ranker is not None
    for row, (look, one) in enumerate(zip(looks, told, strict=True)):
        trace = current.answers.find(one["recommendation_id"])
        assert trace is not None
        recomputed(offline, current, {**trace, **trace["trace"]}, "deep")
        live = together.of(row)
        asked = question(
            Loaded("deep", offline, visitors_of(offline, current), 0),
            look,
            trace["timestamp"],
            uuid.UUID(one["recommendation_id"]),
            again=True,
        )
        alone = offline.answer(asked, 7, "home")
        np.testing.assert_array_equal(live.candidates.ranking.item, alone.candidates.ranking.item)
        np.testing.assert_array_equal(live.candidates.places, alone.candidates.places)
        np.testing.assert_allclose(live.candidates.scores, alone.candidates.scores, 1e-4, 1e-6)
        np.testing.assert_array_equal(live.steps[0][1].item, alone.steps[0][1].item)
        np.testing.assert_allclose(live.steps[0][1].score, alone.steps[0][1].score, 1e-5, 1e-7)
    current.live.close()


def visitors_of(offline: Recommender, current: Current) -> Visitors:
    assert current.loaded is not None
    known = current.loaded.visitors.dataset
    return Visitors(known, offline.catalogue, current.live, offline.config.events)


def recomputed(
    offline: Recommender, current: Current, trace: dict[str, Any], name: str = "first"
) -> None:
    """Candidates with their places, scores and order."""
    release = Loaded(name, offline, visitors_of(offline, current), 0)
    look = Ask.model_validate(trace["question"])
    id_ = uuid.UUID(trace["recommendation_id"])
    queries = question(release, look, trace["timestamp"], id_, again=True)
    answer = offline.answer(queries, look.n, look.placement)
    ids = offline.catalogue.ids
    shown = trace["items"]
    assert [one["item_id"] for one in shown] == [ids[code] for code in answer.ranking.item]
    np.testing.assert_allclose(
        [one["score"] for one in shown], answer.ranking.score, rtol=1e-5, atol=1e-6
    )
    for one in shown:
        row = np.flatnonzero(
            answer.candidates.ranking.item == offline.catalogue.code(one["item_id"])
        )
        places = answer.candidates.places[row[0]] if len(row) else []
        found = {
            name: int(place)
            for name, place in zip(answer.candidates.retrievers, places, strict=False)
            if not np.isnan(place)
        }
        assert one["proposed_by"] == found
