"""What a fit takes of memory is estimated before it starts, the log that features count in too."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from endcap import config
from endcap.config import Config
from endcap.errors import TrainingError
from endcap.experiment import needs
from endcap.experiment.needs import check_memory, logged, needed, taught
from endcap.features import Features
from endcap.rankers.lambdamart import LambdaMART
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.types import Candidates
from tests.shops import DAY, dataset, ranking

EVENTS = 60_000


def long_log(folder: Path, protocol: Literal["time", "leave-one-out"]) -> Dataset:
    """100 days, of which the last 40 are asked about."""
    rng = np.random.default_rng(1)
    part = np.sort(rng.choice(4, EVENTS, p=[0.6, 0.2, 0.1, 0.1]))
    return dataset(
        folder,
        rng.integers(1, 500, EVENTS).tolist(),
        rng.integers(0, 300, EVENTS).tolist(),
        kinds=rng.choice([2, 5, 8], EVENTS).tolist(),
        times=np.sort(rng.integers(0, 100 * DAY, EVENTS)).tolist(),
        parts=part.tolist(),
        protocol=protocol,
    )


def declared(**features: dict[str, Any]) -> dict[str, config.Feature]:
    return {
        name: config.Feature.model_validate(
            {"use": f"endcap.features.{own.pop('kind')}:{name.title()}", **own}
        )
        for name, own in features.items()
    }


COUNTING = declared(
    windowed={"kind": "windowed", "of": "item"},
    trend={"kind": "trend", "of": "category"},
    conversion={"kind": "conversion", "of": "brand"},
    recency={"kind": "recency", "of": "visitor_item"},
    clock={"kind": "clock"},
)
"""Counts of items, of categories, of brands in two kinds of events, and for the shop's mean, of
items in the same two: six. The last two features count what the visitor did, or nothing."""


@pytest.mark.parametrize("protocol", ["time", "leave-one-out"])
def test_the_log_that_features_count_in_is_as_large_as_was_said(
    tmp_path: Path, protocol: Literal["time", "leave-one-out"]
) -> None:
    data = long_log(tmp_path, protocol)
    said = logged(COUNTING, data)
    asked = [data.asked(part) for part in (Part.RANKER, Part.VALIDATION, Part.TEST)]
    tracemalloc.start()
    for one in asked:
        queries = one.queries.take(np.arange(2))
        Features.fit(COUNTING, queries, Candidates.of({"a": ranking([1], [2])}), data.catalogue)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.9 * peak < said < 1.3 * peak


def test_what_counts_nothing_of_others_takes_nothing(tmp_path: Path) -> None:
    data = long_log(tmp_path, "time")
    assert logged({name: COUNTING[name] for name in ("recency", "clock")}, data) == 0
    assert logged({}, data) == 0


def test_a_budget_without_room_for_the_log_is_refused_with_advice(tmp_path: Path) -> None:
    data = long_log(tmp_path, "time")
    plain = Config.model_validate({"retrievers": {}})
    counting = plain.model_copy(update={"features": COUNTING})
    assert needed(counting, data) - needed(plain, data) == logged(COUNTING, data)
    room = {"memory": f"{needed(plain, data) // 1_000_000 + 1}MB"}
    both = [
        one.model_copy(update={"resources": config.Resources(**room)}) for one in (plain, counting)
    ]
    check_memory(both[0], data)
    with pytest.raises(TrainingError, match=r"too little for this fit.*declare fewer features"):
        check_memory(both[1], data)
    ranked_by_none = both[1].model_copy(update={"rankers": {}})
    check_memory(ranked_by_none, data)


def test_what_a_ranker_learns_from_is_no_larger_than_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists that share no item, as the estimate takes them: 500 questions, 300 items."""
    monkeypatch.setattr(needs, "LESSONS", 500)
    data, rng = long_log(tmp_path, "leave-one-out"), np.random.default_rng(1)
    plain = Config()
    names = list(plain.retrievers)
    said = taught(plain, data)
    tracemalloc.start()
    asked, parts = data.asked(Part.RANKER).sample(500, 1), []
    for rows, _ in asked.queries.batches(100):
        shown = [rng.permutation(300) for _ in rows]
        lists = {
            name: ranking(*(one[place :: len(names)].tolist() for one in shown))
            for place, name in enumerate(names)
        }
        parts.append((rows, Candidates.of(lists).joined([1.0] * (2 * len(names)), 10.0)))
    run = Run(features=plain.features)
    past = data.before(Part.RANKER)
    LambdaMART.fit(LambdaMART.settings_type(), past, asked, Candidates.concat(parts), run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < said < 4 * peak


def test_factors_take_memory_as_vectors_of_networks_do(tmp_path: Path) -> None:
    """Two tables of them, one for a past and one for answers, and each several times."""
    data = dataset(tmp_path, [1] * 1_000, [*range(1_000)])
    use = "endcap.retrievers.bpr:BPR"
    small, large = (
        Config.model_validate({"retrievers": {"bpr": {"use": use, "factors": factors}}})
        for factors in (64, 2_064)
    )
    assert needed(large, data) - needed(small, data) == needs.COPIES * 4 * 2 * 2_000 * 1_000
