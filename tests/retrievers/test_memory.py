"""Questions are answered a few at a time, however much each takes to answer."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from endcap.retrievers.context import ByContext
from endcap.retrievers.graph import GraphWalk
from endcap.retrievers.popular import Popular
from endcap.stages import Retriever
from endcap.tables.dataset import Dataset
from endcap.types import Queries, Ragged
from tests.contracts.found import learned
from tests.shops import catalogue, dataset, queries

MB = 1_000_000


def peak(model: Retriever[Any], asked: Queries) -> int:
    """Bytes that an answer takes, when all that is derived of the model has been made."""
    model.retrieve(asked.take(np.array([0])), 10)
    tracemalloc.start()
    model.retrieve(asked, 10)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_one_who_had_nearly_everything_makes_no_list_of_others_longer(tmp_path: Path) -> None:
    items = 20_000
    model = learned(Popular, dataset(tmp_path, [1] * items, [*range(items)]))
    had = Ragged.of([[*range(items - 5)], *[[]] * 499])
    asked = replace(queries(*[[]] * 500), exclude=had)
    assert peak(model, asked) < 10 * MB
    assert model.retrieve(asked, 10).of(0).item.tolist() == [*range(items - 1, items - 6, -1)]


def test_each_may_have_labels_of_their_own(tmp_path: Path) -> None:
    items, users = 4_000, 1_000
    goods, everyone = catalogue(items), [*range(1, users + 1)]
    dataset(tmp_path, everyone, [*range(users)], times=[0] * users, goods=goods)
    said = [{"size": str(user)} for user in everyone]
    ids = pq.read_table(tmp_path / "users.parquet")["user_id"]
    columns = {"user_id": ids, "attributes": [json.dumps(one) for one in said]}
    pq.write_table(pa.table(columns), tmp_path / "users.parquet")
    model = learned(ByContext, Dataset.load(tmp_path), support=1)
    labels = tuple((f"size: {user}",) for user in everyone)
    asked = replace(queries(*[[]] * users), context=labels)
    assert peak(model, asked) < 8 * MB
    lists = model.retrieve(asked, 1)
    assert lists.query.tolist() == [*range(users)]
    assert lists.item.tolist() == [*range(users)], "what the one with that label took"


def test_walks_among_many_visitors(tmp_path: Path) -> None:
    users = 100_000
    shop = dataset(tmp_path, np.arange(1, users + 1).tolist(), [0, 1] * (users // 2))
    asked = queries(*[[0]] * 256)
    assert peak(learned(GraphWalk, shop), asked) < 200 * MB
