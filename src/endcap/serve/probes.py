"""Questions that a release must answer well before it may answer visitors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from endcap.errors import ReleaseError
from endcap.recommender import Recommender, at_once
from endcap.store.visitors import Visitors
from endcap.types import Queries, Ragged

VISITORS = 12
"""Shoppers of the log that are asked about, beside one whom nobody knows."""

ITEMS = 10
"""Items of a list."""


def probe(recommender: Recommender, visitors: Visitors, now: int, seconds: float) -> None:
    """Ask for the lists of some shoppers at each placement.

    All must come by the full path, with scores that are numbers; at the placement that decides
    somebody must be shown something (one shopper may have all that there is); half of them must
    take no more than some seconds of a processor, however busy the machine is otherwise. What a
    release derives when it is first asked is made on the way, so the first visitor does not wait
    for it; the ranker is waited for, however long it needs for that. Raises ReleaseError.
    """
    recommender = replace(recommender, within=at_once)
    decides = next(iter(recommender.config.evaluate.tasks.values())).placement
    taken, items = [], 0
    for name in recommender.config.placements:
        for queries in _questions(visitors, now):
            began = time.thread_time()
            answer = recommender.answer(queries, ITEMS, name)
            taken.append(time.thread_time() - began)
            if answer.path != "full":
                raise _refused(f"a part of it fails at {name!r}, and {answer.path!r} lists come")
            if not np.isfinite(answer.ranking.score).all():
                raise _refused(f"a score at {name!r} is not a number")
            items += len(answer.ranking) * (name == decides)
    if not items:
        raise _refused(f"it has no items for anyone at {decides!r}")
    median = float(np.median(taken))
    if median > seconds:
        raise _refused(f"half of its answers take {median:.2g} s of a processor or more")


def _questions(visitors: Visitors, now: int) -> Iterator[Queries]:
    """Nobody, then shoppers from all over the log, each looking at the last item of their past."""
    dataset = visitors.dataset
    users = ("",) if dataset is None else dataset.users
    # One by one: to take all would write to the memory of each, which processes have in common.
    known = range(1, len(users), max(1, (len(users) - 1) // VISITORS))
    for key in (None, *(users[code] for code in known[:VISITORS])):
        history = visitors.history(key)
        user = 0 if key is None else visitors.code(key)
        moment = max(now, int(history.times.max(initial=0)) + 1)
        queries = Queries.of(np.array([user], np.int32), np.array([moment]), history)
        yield replace(queries, anchors=Ragged.of([history.items[-1:].tolist()]), log=visitors.log)


def _refused(why: str) -> ReleaseError:
    return ReleaseError(f"It did not stand the test: {why}", mend="Fit or promote another")
