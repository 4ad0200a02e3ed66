"""What a retriever promises that learns from each event as it comes: see `Retriever.learn`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.stages import Retriever
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import NOBODY, History, Int64s, Queries, offsets_of, spans
from tests.contracts.found import RETRIEVERS, WARM_UP, learned
from tests.shops import DAY, catalogue, dataset

LEARNERS = [cls for cls in RETRIEVERS if cls.learn is not Retriever.learn]

COUNT = [cls for cls in LEARNERS if cls.__name__ not in WARM_UP]

KINDS = tuple(kind(name) for name in ("view", "add_to_cart", "purchase", "impression"))
WEIGHTS = {"view": 0.0377, "add_to_cart": 0.31, "impression": 0.0}
ITEMS = 24

TIGHT = {"window": 3, "most": 4}
"""Bounds that a small log reaches too."""


def tight(cls: type[Retriever[Any]]) -> dict[str, int]:
    return {name: bound for name, bound in TIGHT.items() if name in cls.settings_type.model_fields}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Visitors and items begin one after the other, some do several things at once, and of an
    event of one type nothing is held."""
    rng = np.random.default_rng(1)
    size = 600
    time = np.sort(rng.integers(0, 90, size)) * DAY // 3
    user = np.minimum(rng.integers(1, 31, size), 10 + np.arange(size) // 25)
    item = np.minimum(rng.geometric(0.12, size), ITEMS // 2 + np.arange(size) // 50) - 1
    events = dataset(
        tmp_path_factory.mktemp("log"),
        users=user.tolist(),
        items=item.tolist(),
        kinds=rng.choice(KINDS, size).tolist(),
        times=time.tolist(),
        parts=np.where(time < 18 * DAY, Part.PAST, Part.TEST).tolist(),
        goods=catalogue(ITEMS),
    )
    weights = [WEIGHTS.get(name, 1.0) for name in EVENT_TYPES]
    return replace(events, kind_weights=np.array(weights, np.float32))


def batches(log: Dataset) -> Iterator[tuple[Queries, Int64s]]:
    """The later events as they come, with their places in the log: by ones, by more, at last all
    that are left. Who was not there before is nobody to the model."""
    later = np.flatnonzero(log.part == Part.TEST)
    later = later[np.argsort(log.time[later], kind="stable")]
    known = np.unique(log.user[log.part == Part.PAST])
    for places in np.split(later, [1, 2, 3, 10, 10, 60]):
        users = log.user[places]
        begin = log.offsets[users]
        before = spans(begin, places)
        history = History(
            offsets_of(places - begin), log.item[before], log.kind[before], log.time[before]
        )
        codes = np.where(np.isin(users, known), users, NOBODY).astype(np.int32)
        yield Queries.of(codes, log.time[places], history), places


def test_the_log_has_all_that_matters(log: Dataset) -> None:
    """Else the next test would prove little."""
    past, later = log.part == Part.PAST, log.part == Part.TEST
    assert np.setdiff1d(log.user[later], log.user[past]).size > 3, "new visitors"
    assert np.setdiff1d(log.item[later], log.item[past]).size > 0, "new items"
    assert np.any((np.diff(log.time) == 0) & (np.diff(log.user) == 0) & later[1:]), "baskets"


@pytest.mark.parametrize("cls", LEARNERS, ids=lambda cls: cls.__name__)
def test_learning_from_each_event_is_learning_from_all_at_once(
    cls: type[Retriever[Any]], log: Dataset
) -> None:
    fitted = each = learned(cls, log.before(Part.TEST), **tight(cls))
    taught = list(batches(log))
    for queries, places in taught:
        each = each.learn(queries, log.item[places], log.kind[places])
    queries = Queries.concat([part for part, _ in taught])
    places = np.concatenate([part for _, part in taught])
    at_once = fitted.learn(queries, log.item[places], log.kind[places])
    questions = log.now(np.arange(len(log.users), dtype=np.int32))
    before, one, other = (model.retrieve(questions, ITEMS) for model in (fitted, each, at_once))
    np.testing.assert_array_equal(one.item, other.item)
    np.testing.assert_allclose(one.score, other.score, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(one.score, before.score), "it has learned something"


@pytest.mark.parametrize("cls", LEARNERS, ids=lambda cls: cls.__name__)
def test_another_process_makes_the_same_model_of_its_arrays(
    cls: type[Retriever[Any]], log: Dataset
) -> None:
    """Of the model as it was fitted, and of arrays that others read too."""
    fitted = learned(cls, log.before(Part.TEST), **tight(cls))
    model = fitted
    for queries, places in batches(log):
        model = model.learn(queries, log.item[places], log.kind[places])
    arrays = {name: one.copy() for name, one in model.arrays.items()}
    other = fitted.taught(arrays)
    questions = log.now(np.arange(len(log.users), dtype=np.int32))
    lists, expected = (one.retrieve(questions, ITEMS) for one in (other, model))
    for name in ("query", "item", "score"):
        np.testing.assert_array_equal(getattr(lists, name), getattr(expected, name))
    for queries, places in batches(log):
        other = other.learn(queries, log.item[places], log.kind[places])
    same(arrays, model.arrays)


@pytest.mark.parametrize("cls", COUNT, ids=lambda cls: cls.__name__)
def test_learning_from_each_event_is_a_fit_on_all(cls: type[Retriever[Any]], log: Dataset) -> None:
    model = learned(cls, log.before(Part.TEST), **tight(cls))
    for queries, places in batches(log):
        model = model.learn(queries, log.item[places], log.kind[places])
    refit = learned(cls, log, **tight(cls))
    same(model.state, refit.state)
    questions = log.now(np.arange(len(log.users), dtype=np.int32))
    lists, expected = (one.retrieve(questions, 10) for one in (model, refit))
    assert len(expected)
    for name in ("query", "item", "score"):
        np.testing.assert_array_equal(getattr(lists, name), getattr(expected, name))


@pytest.mark.parametrize("cls", LEARNERS, ids=lambda cls: cls.__name__)
def test_the_model_that_learns_stays_as_it_was(cls: type[Retriever[Any]], log: Dataset) -> None:
    """It goes on answering while its successor is made."""
    model = learned(cls, log.before(Part.TEST), **tight(cls))
    before = {name: array.copy() for name, array in model.state.items()}
    questions = log.now(np.arange(len(log.users), dtype=np.int32))
    lists = model.retrieve(questions, ITEMS)
    for queries, places in batches(log):
        model.learn(queries, log.item[places], log.kind[places])
    same(model.state, before)
    np.testing.assert_array_equal(model.retrieve(questions, ITEMS).score, lists.score)


def same(a: Any, b: Any) -> None:
    assert set(a) == set(b)
    for name, array in a.items():
        expected: NDArray[Any] = b[name]
        assert array.dtype == expected.dtype, name
        np.testing.assert_array_equal(array, expected, err_msg=name)
