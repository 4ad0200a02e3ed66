"""No skew: what a ranker is told while the service runs is, bit for bit, what it is told of the
same questions when they are learned from."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, get_args

import numpy as np
import pytest
from starlette.testclient import TestClient

from endcap import config
from endcap.config import Shop
from endcap.experiment.batch import system
from endcap.features import Features
from endcap.serve.current import Current
from endcap.stages import Ranker, Run
from endcap.store.compact import into_tables
from endcap.tables.asked import Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared
from endcap.tables.scene import Of
from endcap.types import Candidates, Floats, Int32s, Queries, Ranking
from endcap.types.state import State
from tests.contracts.found import FEATURES, proposals
from tests.serve.shops import QUICK, release, serving
from tests.tables.raw_shop import DAY, START, goods, lively, raw_shop

SCALES = {"1h": "none", "1d": "quantile", "7d": "min-max", "30d": "standard"}

DECLARED = [
    *(f"features.{cls.__name__}.use={cls.__module__}:{cls.__name__}" for cls in FEATURES),
    *itertools.chain.from_iterable(
        (
            f"features.{of}_{window}.use=endcap.features.windowed:Windowed",
            f"features.{of}_{window}.of={of}",
            f"features.{of}_{window}.window={window}",
            f"features.{of}_{window}.scale={scale}",
        )
        for of, (window, scale) in itertools.product(get_args(Of), SCALES.items())
    ),
]
"""Every kind there is, and counts of everything over all windows on all scales."""

BEGIN = START + 112 * DAY
"""When the service begins: eight days before the end of the log."""


class Heard(NamedTuple):
    """What a ranker is told of the candidates of a question."""

    user: str
    moment: int
    candidates: Candidates
    values: Floats


class Told(Ranker[config.Settings]):
    """Leaves the order as it is, and writes down what it is told."""

    settings_type = config.Settings
    heard: ClassVar[list[tuple[Queries, Candidates, Floats]]] = []

    @classmethod
    def fit(
        cls,
        settings: config.Settings,
        dataset: Dataset,
        asked: Asked,
        candidates: Candidates,
        run: Run,
    ) -> Self:
        features = Features.fit(run.features, asked.queries, candidates, dataset.catalogue)
        return cls(settings, features.state)

    def __init__(self, settings: config.Settings, state: State) -> None:
        super().__init__(settings, state)
        self.features = Features.of(state)

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        _, values = self.features(queries, candidates, catalogue)
        self.heard.append((queries, candidates, values))
        return candidates.ranking

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        return self


ROWS = sorted(
    (row for row in lively() if zlib.crc32(row["event_id"].encode()) % 4),
    key=lambda row: (row["timestamp"], row["event_id"]),
)
"""Three of four events, as nobody is as regular as all of them."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """As it is when the service begins, with a release that tells every feature."""
    past = [row for row in ROWS if row["timestamp"] < BEGIN]
    changes = [*QUICK, *DECLARED, "split.test_days=10", "placements.home.rules=['availability']"]
    made = raw_shop(tmp_path, past, goods(), changes=changes)
    prepare(made)
    dataset = Dataset.load(prepared(made))
    known, asked = dataset.before(Part.RANKER), dataset.asked(Part.RANKER)
    candidates = proposals(asked.queries, known)
    run = Run(features=made.config.features)
    release(made, "first", Told.fit(config.Settings(), known, asked, candidates, run))
    return made


def replay(client: TestClient, current: Current, rows: Sequence[dict[str, Any]]) -> list[Heard]:
    """Send events one after the other, each at its moment; right before a purchase its visitor
    asks."""
    found = []
    for row in rows:
        moment, user = row["timestamp"], row["user_id"]
        current.clock = partial(int, moment)
        if row["event_type"] == "purchase":
            Told.heard.clear()
            answer = client.post("/v1/recommend", json={"user_id": user, "n": 5})
            assert answer.json()["path"] == "full"
            own = [one for one in Told.heard if one[0].times.tolist() == [moment]]
            found.append(Heard(user, moment, *own[0][1:]))
        assert client.post("/v1/events", json=row).json()["accepted"] == 1
    return found


def questions(data: Dataset) -> dict[tuple[str, int], Queries]:
    """What is asked about the log, by visitor and moment."""
    queries = data.asked(Part.TEST).queries
    return {
        (data.users[user], int(moment)): queries.take(np.array([row]))
        for row, (user, moment) in enumerate(zip(queries.users, queries.times, strict=True))
    }


def asked_as(heard: Heard, asked: Mapping[tuple[str, int], Queries]) -> tuple[Queries, Candidates]:
    """The same question in training, with the same candidates."""
    return asked[heard.user, heard.moment], heard.candidates


@pytest.mark.parametrize(
    "between",
    [
        "prepared and restarted",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("nothing", "prepared", "restarted")
        ),
    ],
)
def test_training_and_serving_see_the_same_numbers(shop: Shop, between: str) -> None:
    """Whatever happens to the service half way."""
    rest = [row for row in ROWS if row["timestamp"] >= BEGIN]
    parts = [rest] if between == "nothing" else [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
    heard: list[Heard] = []
    for half in parts:
        with serving(shop) as (client, current):
            heard += replay(client, current, half)
        if "prepared" in between and half is parts[0]:
            into_tables(shop)
            prepare(shop)
    into_tables(shop)
    prepare(shop)
    data, first = Dataset.load(prepared(shop)), system(shop, "first")
    assert isinstance(first.ranker, Told)
    assert data.catalogue.ids == first.catalogue.ids
    asked = questions(data)
    assert len(heard) == sum(row["event_type"] == "purchase" for row in rest) > 50
    for one in heard:
        _, same = first.ranker.features(*asked_as(one, asked), first.catalogue)
        np.testing.assert_array_equal(same, one.values)
    names, _ = first.ranker.features(*asked_as(heard[0], asked), first.catalogue)
    told = dict(zip(names, np.concatenate([one.values for one in heard]).T, strict=True))
    counts = [f"{of}_{window}" for of, window in itertools.product(get_args(Of), SCALES)]
    assert not [name for name in counts if len(np.unique(told[name])) == 1], "they prove nothing"
