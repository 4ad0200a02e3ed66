"""What each event of a history is worth to a score: what the score loses without it.

Leave-one-out, the plainest of all attributions: it asks the model itself, needs no gradient, and
is as true of any network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from endcap.types import (
    Floats,
    History,
    Int64s,
    Moved,
    Queries,
    Ragged,
    Ranking,
    distinct,
    offsets_of,
)

Read: TypeAlias = Callable[[Queries], Tensor]
"""Queries that have a history → [queries, dim], whose product with an item's vector is a score."""


def moved(read: Read, vectors: Tensor, queries: Queries, ranking: Ranking, length: int) -> Moved:
    """For each row of the ranking, the newest `length` events that lifted its score.

    The history, and the history without each of its events, are read in one go.
    vectors: [items, dim]
    """
    ages, by = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    for query in distinct(ranking.query):
        items = torch.from_numpy(ranking.of(int(query)).item)
        one = queries.take(np.array([query]))
        for effect in _effects(read, one, length, vectors[items]):
            order = np.argsort(-effect, kind="stable")
            order = order[effect[order] > 0]
            ages.append((len(effect) - 1 - order).astype(np.int32))
            by.append(effect[order])
    lengths = np.array([len(one) for one in ages[1:]], np.int64)
    return Moved(offsets_of(lengths), np.concatenate(ages), np.concatenate(by))


def _effects(read: Read, query: Queries, length: int, vectors: Tensor) -> Floats:
    """[items, events] of a single query, the oldest event first. vectors: [items, dim]"""
    history = query.history.last(length)
    events = len(history.items)
    if not events:
        return np.zeros((len(vectors), 0), np.float32)
    without = vectors.new_zeros(len(vectors), events)
    whole = vectors @ read(replace(query, history=history)).t()
    if events > 1:  # of one event alone, without it nothing is left that could be read
        without = vectors @ read(_each_left_out(query, history)).t()
    return np.asarray((whole - without).numpy(), np.float32)


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
