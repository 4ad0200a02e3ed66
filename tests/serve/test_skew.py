"""No skew: what was answered live is what the same release answers to the same question later."""

from __future__ import annotations

import itertools
import random
import uuid
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.experiment.batch import system
from endcap.recommender import Recommender
from endcap.serve import current as module
from endcap.serve.asking import question
from endcap.serve.current import Current, Loaded
from endcap.serve.questions import Ask
from endcap.store.visitors import Visitors
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


def recomputed(offline: Recommender, current: Current, trace: dict[str, Any]) -> None:
    """Candidates with their places, scores and order."""
    here = current.loaded
    assert here is not None
    visitors = Visitors(
        here.visitors.dataset, offline.catalogue, current.live, offline.config.events
    )
    release = Loaded("first", offline, visitors, here.until)
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
