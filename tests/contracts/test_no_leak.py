"""Nothing that happens at or after a moment changes what is answered at it.

Two shops differ in nothing but their future. All that is known before it, every item feature,
every model and the whole fitted system, must be the same in both, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.experiment.fit import fit
from endcap.recommender import Recommender
from endcap.stages import Feature, Ranker, Retriever, Stage
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared
from endcap.tables.scene import Scene
from endcap.tables.visitors import visitor_features
from endcap.types import Queries, Ranking
from tests.contracts.found import (
    FEATURES,
    RANKERS,
    RETRIEVERS,
    SMALL,
    learned,
    proposals,
    settings,
    taught,
)
from tests.tables.raw_shop import goods, lively, raw_shop

Rows = list[dict[str, Any]]

PARTS = (Part.RANKER, Part.VALIDATION, Part.TEST)


def changed(future: Rows) -> Rows:
    """Other items, dearer and of other kinds."""
    items = [row["item_id"] for row in future]
    kinds = {"view": "purchase", "purchase": "view"}
    return [
        {**row, "item_id": item, "price": 99.0, "event_type": kinds[row["event_type"]]}
        for row, item in zip(future, items[3:] + items[:3], strict=True)
    ]


def shuffled(future: Rows) -> Rows:
    """The same things, done by others."""
    order = np.random.default_rng(1).permutation(len(future))
    return [
        {**row, "user_id": future[at]["user_id"]} for row, at in zip(future, order, strict=True)
    ]


def removed(future: Rows) -> Rows:
    """Hardly anything happens; the newest event stays, since the parts count back from it."""
    return future[-1:]


FUTURES: Mapping[str, Callable[[Rows], Rows]] = {
    "changed": changed,
    "shuffled": shuffled,
    "removed": removed,
}


class Shops:
    """One shop under many futures, each prepared when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = sorted(lively(), key=lambda row: (row["timestamp"], row["event_id"]))
        self.original = self._prepare("original", self.rows)
        self.at = cache(self._at)

    def _at(self, part: Part, future: str) -> Dataset:
        """The shop in which another future begins with a part."""
        begin = self.original.time[self.original.part == part].min()
        past = [row for row in self.rows if row["timestamp"] < begin]
        rest = [row for row in self.rows if row["timestamp"] >= begin]
        return self._prepare(f"{part.name}-{future}", past + FUTURES[future](rest))

    def _prepare(self, name: str, rows: Rows) -> Dataset:
        shop = raw_shop(self.folder / name, rows, goods())
        prepare(shop)
        return Dataset.load(prepared(shop))


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Shops:
    return Shops(tmp_path_factory.mktemp("shops"))


@pytest.fixture(scope="module", params=FUTURES)
def other(request: pytest.FixtureRequest, shops: Shops) -> Dataset:
    """A shop in which the test part is another one."""
    return shops.at(Part.TEST, request.param)


def questions(data: Dataset, part: Part = Part.TEST) -> Queries:
    """Everyone's at the moment at which the part begins."""
    past = data.before(part)
    return past.now(np.arange(1, len(past.users), dtype=np.int32))


def same(a: Mapping[str, NDArray[Any]], b: Mapping[str, NDArray[Any]]) -> None:
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def columns(ranking: Ranking) -> dict[str, NDArray[Any]]:
    return {"query": ranking.query, "item": ranking.item, "score": ranking.score}


@pytest.mark.parametrize(
    ("part", "future"),
    [
        (Part.RANKER, "changed"),
        (Part.VALIDATION, "changed"),
        *((Part.TEST, name) for name in FUTURES),
    ],
)
def test_every_item_feature(shops: Shops, part: Part, future: str) -> None:
    other = shops.at(part, future)
    for known in PARTS[: PARTS.index(part) + 1]:
        ours, theirs = (data.before(known).catalogue.features for data in (shops.original, other))
        assert ours.column_names
        for name in ours.column_names:
            assert ours[name] == theirs[name], f"{name}, as known before {known.name}"


def test_the_futures_differ(shops: Shops, other: Dataset) -> None:
    """Else all of this would prove nothing."""
    assert other.before(Part.LIVE).catalogue.features != shops.original.catalogue.features
    assert len(other) != len(shops.original) or np.any(other.item != shops.original.item)


def test_what_visitors_did_and_every_feature_of_it(shops: Shops, other: Dataset) -> None:
    ours, theirs = questions(shops.original), questions(other)
    for name in ("items", "kinds", "times", "offsets"):
        np.testing.assert_array_equal(getattr(ours.history, name), getattr(theirs.history, name))
    np.testing.assert_array_equal(ours.times, theirs.times)
    (names, a), (_, b) = (
        visitor_features(asked, data.before(Part.TEST).catalogue)
        for asked, data in ((ours, shops.original), (theirs, other))
    )
    same(dict(zip(names, a.T, strict=True)), dict(zip(names, b.T, strict=True)))


@pytest.mark.parametrize("cls", FEATURES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("log", ["before", "whole"])
def test_every_feature(cls: type[Feature[Any]], log: str, shops: Shops, other: Dataset) -> None:
    """Though the log that it may ask holds all that came later."""
    found = []
    for data in (shops.original, other):
        past, asked = data.before(Part.TEST), questions(data)
        if log == "whole":
            asked = replace(asked, log=data.log)
        scene = Scene(asked, proposals(asked, past).ranking, past.catalogue)
        found.append(cls.fit(settings(cls), scene).values(scene))
    assert len(next(iter(found[0].values())))
    same(*found)


@pytest.mark.parametrize("cls", RETRIEVERS, ids=lambda cls: cls.__name__)
def test_every_retriever(cls: type[Retriever[Any]], shops: Shops, other: Dataset) -> None:
    # A leak shows after one step as well as after many.
    brief = {"epochs": 1} if "epochs" in cls.settings_type.model_fields else {}
    ours, theirs = (
        learned(cls, data.before(Part.TEST), **brief) for data in (shops.original, other)
    )
    same(ours.state, theirs.state)
    same(
        columns(ours.retrieve(questions(shops.original), 10)),
        columns(theirs.retrieve(questions(other), 10)),
    )


@pytest.mark.parametrize("cls", RANKERS, ids=lambda cls: cls.__name__)
def test_every_ranker(cls: type[Ranker[Any]], shops: Shops, other: Dataset) -> None:
    ranked = []
    for data in (shops.original, other):
        past, asked = data.before(Part.TEST), questions(data)
        ranker = taught(cls, data)
        ranked.append(columns(ranker.rank(asked, proposals(asked, past), past.catalogue)))
    same(*ranked)


@pytest.mark.parametrize(
    "protocol", ["time", pytest.param("leave-one-out", marks=pytest.mark.slow)]
)
def test_the_whole_system(tmp_path: Path, protocol: str) -> None:
    """Everything that a fit chooses before it measures, under both protocols."""
    rows = sorted(lively(), key=lambda row: (row["timestamp"], row["event_id"]))
    systems, answers = [], []
    for name, events in (("ours", rows), ("theirs", future_of(rows, protocol))):
        small = [f"retrievers.sequence.{key}={value}" for key, value in SMALL["Sequence"].items()]
        changes = [f"split.protocol={protocol}", *small, "retrievers.sequence.epochs=2"]
        changes.append('placements.home.rules=["availability"]')
        shop = raw_shop(tmp_path / name, events, goods(), changes=changes)
        prepare(shop)
        release = Releases(shop.releases).path(fit(shop, refit=False)["release"])
        data = Dataset.load(prepared(shop))
        system = Recommender.load(release / "measured")
        answer = system.answer(questions(data), 10, include_seen=True)
        assert answer.path == "full"
        systems.append(system)
        answers.append(columns(answer.ranking))
    assert len(answers[0]["query"])
    same(*answers)
    ours, theirs = systems
    assert ours.config == theirs.config, "what was chosen, the weights among it"
    assert ours.catalogue.features == theirs.catalogue.features
    for one, other in zip(stages(ours), stages(theirs), strict=True):
        same(one.state, other.state)


def stages(system: Recommender) -> list[Stage[Any]]:
    ranker = [system.ranker] if system.ranker is not None else []
    return [*system.retrievers.values(), *system.rules.values(), *ranker]


def future_of(rows: Rows, protocol: str) -> Rows:
    """Another end of the log: the last ten days, or each visitor's last event."""
    if protocol == "time":
        begin = rows[-1]["timestamp"] - 10 * 86_400_000_000
        past = [row for row in rows if row["timestamp"] < begin]
        return past + changed([row for row in rows if row["timestamp"] >= begin])
    last = {row["user_id"]: row["event_id"] for row in rows}
    ends = [row["event_id"] == last[row["user_id"]] for row in rows]
    return [
        {**row, "item_id": "item-00"} if end else row for row, end in zip(rows, ends, strict=True)
    ]
