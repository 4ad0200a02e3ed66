"""What each event of a history is worth to a score: what the score loses without it.

Leave-one-out, the plainest of all attributions: it asks the model itself, needs no gradient, and
is as true of any network.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from endcap.nn.scoring import Scores
from endcap.types import (
    Floats,
    History,
    Int32s,
    Int64s,
    Moved,
    Queries,
    Ragged,
    Ranking,
    distinct,
    offsets_of,
)


def moved(scores: Scores, queries: Queries, ranking: Ranking, length: int) -> Moved:
    """For each row of the ranking, the newest `length` events that lifted its score.

    The history, and the history without each of its events, are scored in one go.
    """
    rows = np.arange(len(ranking))
    parts = [
        (
            rows[ranking.query == query],
            _effects(scores, queries.take(np.array([query])), length, own),
        )
        for query in distinct(ranking.query)
        for own in [ranking.item[ranking.query == query]]
    ]
    ages: list[Int32s] = [np.zeros(0, np.int32)] * len(ranking)
    by: list[Floats] = [np.zeros(0, np.float32)] * len(ranking)
    for places, effects in parts:
        for row, effect in zip(places, effects, strict=True):
            order = np.argsort(-effect, kind="stable")
            order = order[effect[order] > 0]
            ages[row], by[row] = (len(effect) - 1 - order).astype(np.int32), effect[order]
    lengths = np.array([len(one) for one in ages], np.int64)
    none = np.zeros(0, np.int32)
    return Moved(
        offsets_of(lengths),
        np.concatenate([none, *ages]),
        np.concatenate([none.astype(np.float32), *by]),
    )


def _effects(scores: Scores, query: Queries, length: int, items: Int32s) -> Floats:
    """[items, events] of a single query, the oldest event first."""
    history = query.history.last(length)
    events = len(history.items)
    if not events:
        return np.zeros((len(items), 0), np.float32)
    without = np.zeros((len(items), events), np.float32)
    whole = scores(replace(query, history=history))[0, items]
    if events > 1:  # of one event alone, without it nothing is left that could be scored
        without = scores(_each_left_out(query, history))[:, items].T
    return np.asarray(whole[:, None] - without, np.float32)


def _each_left_out(query: Queries, history: History) -> Queries:
    """As many questions as there are events, each without one of them."""
    events = len(history.items)
    kept: Int64s = np.nonzero(~np.eye(events, dtype=np.bool_))[1]
    none = Ragged.empty(events)
    return Queries(
        users=np.repeat(query.users, events),
        times=np.repeat(query.times, events),
        history=history.select(kept, np.full(events, events - 1)),
        anchors=none,
        exclude=none,
    )
