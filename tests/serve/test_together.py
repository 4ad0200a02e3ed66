"""Requests that arrive together, a ranker that is late, and the same answers all the while."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.recommender import Recommender
from endcap.serve.current import Current
from endcap.serve.deadline import Deadline
from endcap.serve.problems import Problem
from endcap.serve.together import Together
from endcap.types import Candidates, Queries, Ranking
from tests.serve.shops import serving

USERS = [f"user-{number:02}" for number in range(24)]


async def asked(together: Together[int, int], numbers: Sequence[int]) -> list[Any]:
    return await asyncio.gather(*map(together.ask, numbers), return_exceptions=True)


def test_all_that_waits_is_answered_at_once() -> None:
    groups: list[int] = []
    free = threading.Event()

    def answer(numbers: Sequence[int]) -> list[int | Exception]:
        free.wait()
        groups.append(len(numbers))
        return [number * 2 for number in numbers]

    together: Together[int, int] = Together(answer, most=4, room=100)
    together.start()
    threading.Timer(0.2, free.set).start()
    assert asyncio.run(asked(together, range(10))) == [number * 2 for number in range(10)]
    together.stop()
    assert sum(groups) == 10
    assert max(groups) == 4
    assert len(groups) <= 4  # the first may have been alone


def test_those_who_ask_again_are_answered_together_again() -> None:
    """The first comes alone; without a moment's wait for it, it would be so for ever."""
    groups: list[int] = []

    def answer(numbers: Sequence[int]) -> list[int | Exception]:
        groups.append(len(numbers))
        time.sleep(0.2)
        return list(numbers)

    async def one(together: Together[int, int], later: float) -> None:
        await asyncio.sleep(later)
        for number in range(6):
            await together.ask(number)

    async def crowd(together: Together[int, int]) -> None:
        await asyncio.gather(*(one(together, later) for later in (0.0, 0.1, 0.1, 0.1)))

    together: Together[int, int] = Together(answer, most=8, room=100)
    together.start()
    asyncio.run(crowd(together))
    together.stop()
    assert sum(groups) == 24
    assert groups[-3:-1] == [4, 4]


def test_one_that_fails_takes_no_other_down() -> None:
    def answer(numbers: Sequence[int]) -> list[int | Exception]:
        return [ValueError("odd") if number % 2 else number for number in numbers]

    together: Together[int, int] = Together(answer, most=8, room=100)
    together.start()
    answers = asyncio.run(asked(together, range(4)))
    together.stop()
    assert answers[::2] == [0, 2]
    assert [str(one) for one in answers[1::2]] == ["odd", "odd"]


def test_where_too_many_wait_the_next_is_told_so() -> None:
    free = threading.Event()

    def answer(numbers: Sequence[int]) -> list[int | Exception]:
        free.wait()
        return list(numbers)

    together: Together[int, int] = Together(answer, most=1, room=3)
    together.start()
    threading.Timer(0.3, free.set).start()
    answers = asyncio.run(asked(together, range(20)))
    together.stop()
    refused = [one for one in answers if isinstance(one, Problem)]
    assert 3 <= len(answers) - len(refused) <= 4  # one may have been taken at once
    assert {one.status for one in refused} == {503}
    assert refused[0].headers == {"Retry-After": "1"}


def ask(client: TestClient, user: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/recommend", json={"user_id": user, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(answer: dict[str, Any]) -> list[tuple[str, float]]:
    return [(item["item_id"], round(item["score"], 5)) for item in answer["items"]]


def test_together_each_gets_what_they_get_alone(shop: Shop) -> None:
    with serving(shop) as (client, current):
        current.learn()  # or what other tests sent may be learned in between
        alone = {user: shown(ask(client, user)) for user in USERS}
        with ThreadPoolExecutor(12) as pool:
            at_once = dict(zip(USERS, pool.map(partial(ask, client), USERS), strict=True))
        metrics = client.get("/metrics").text
    assert {user: shown(answer) for user, answer in at_once.items()} == alone
    assert 'endcap_stage_seconds_count{stage="neighbours"}' in metrics
    assert "endcap_answered_together_count" in metrics


def test_a_batch_is_what_each_would_get_alone(shop: Shop) -> None:
    """The whole of it: lists, candidates, and the list after each step."""
    with serving(shop) as (_, current):
        recommender, queries = _questions(current)
        whole = recommender.answer(queries, 5)
        for row in range(len(queries)):
            own, alone = whole.of(row), recommender.answer(queries.take(np.array([row])), 5)
            for (name, one), (other, two) in zip(own.steps, alone.steps, strict=True):
                assert name == other
                np.testing.assert_array_equal(one.item, two.item)
                np.testing.assert_array_equal(one.score, two.score)
            np.testing.assert_array_equal(own.ranking.item, alone.ranking.item)
            np.testing.assert_array_equal(own.candidates.places, alone.candidates.places)


def _questions(current: Current) -> tuple[Recommender, Queries]:
    here = current.loaded
    assert here is not None
    assert here.visitors.dataset is not None
    codes = here.visitors.dataset.user_codes([*USERS, "nobody"])
    return here.recommender, replace(here.visitors.dataset.now(codes), seeds=np.arange(len(codes)))


class Waits:
    """A ranker that turns lists around once it may."""

    def __init__(self) -> None:
        self.may = threading.Event()

    def rank(self, queries: Queries, candidates: Candidates, catalogue: object) -> Ranking:
        self.may.wait()
        return candidates.score(-candidates.ranking.score)


def test_a_ranker_that_is_late_is_not_waited_for(shop: Shop) -> None:
    """It is stuck until all are answered: that they are at all shows that nobody waits for it."""
    ranker: Any = Waits()
    with serving(shop) as (client, current):
        here = current.loaded
        assert here is not None
        changed = replace(here.recommender, ranker=ranker, within=Deadline(0.2))
        current.loaded = replace(here, recommender=changed)
        answers = [ask(client, "user-03") for _ in range(3)]
        ranker.may.set()
    assert {answer["path"] for answer in answers} == {"no_ranker"}
    assert all(answer["items"] for answer in answers)


def test_a_ranker_in_time_ranks(shop: Shop) -> None:
    ranker: Any = Waits()
    ranker.may.set()
    with serving(shop) as (client, current):
        here = current.loaded
        assert here is not None
        plain = ask(client, "user-03")
        changed = replace(here.recommender, ranker=ranker, within=Deadline(60))
        current.loaded = replace(here, recommender=changed)
        turned = ask(client, "user-03")
    assert turned["path"] == "full"
    assert [item["item_id"] for item in turned["items"]] != [
        item["item_id"] for item in plain["items"]
    ]


def test_a_ranker_that_has_come_back_ranks_again() -> None:
    codes, scores = np.zeros(0, np.int32), np.zeros(0, np.float32)
    deadline, none = Deadline(0.05), Ranking(codes, codes, scores)
    may, back = threading.Event(), threading.Event()

    def late() -> Ranking:
        may.wait()
        return none

    with pytest.raises(TimeoutError, match=r"not done within 0\.05 s"):
        deadline(late)
    assert deadline._late is not None
    deadline._late.add_done_callback(lambda _: back.set())
    with pytest.raises(TimeoutError, match="still at work on an earlier question"):
        deadline(lambda: none)
    may.set()
    assert back.wait(60)
    deadline.seconds = 60
    assert deadline(lambda: none) is none
