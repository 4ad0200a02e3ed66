"""Of several processes one learns, and the others read what it has learned."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import mmap
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from endcap.config import Shop
from endcap.retrievers.neighbours import Neighbours
from endcap.serve import preloaded
from endcap.serve.collect import collect
from endcap.serve.current import Current
from endcap.serve.lessons import WHERE, Lessons, shared
from endcap.serve.loaded import Loaded
from endcap.store.events import LiveEvents
from endcap.tables.schema import ITEMS
from tests.serve.shops import NOW
from tests.serve.test_learning import bought

MINUTE = 60_000_000

Told = dict[str, Any]


def current_of(shop: Shop, lessons: Lessons) -> Current:
    current = Current(shop, LiveEvents.open(shop.live), lambda: NOW, lessons=lessons)
    current.refresh()
    return current


def teacher_of(shop: Shop, lessons: Lessons) -> Current:
    """To be called after all others have parted from this process."""
    lessons.teaching = True
    return current_of(shop, lessons)


def neighbours(current: Current) -> Neighbours:
    assert isinstance(current.loaded, Loaded)
    found = current.loaded.recommender.retrievers["neighbours"]
    assert isinstance(found, Neighbours)
    return found


def mapped(array: Any) -> bool:
    """Whether it lies where another process put it."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap)


def told(current: Current, came: bool) -> Told:
    """What a process has learned, for another to compare."""
    model = neighbours(current)
    assert current.loaded is not None
    return {
        "came": came,
        "learned": current.loaded.learned,
        "state": {name: np.array(array) for name, array in model.state.items()},
        "own": not mapped(model.similarity.data),
        "items": current.loaded.catalogue.came,
    }


def _other(shop: Shop, lessons: Lessons, teaching: bool, line: Connection) -> None:
    lessons.teaching = teaching
    current = current_of(shop, lessons)
    while line.recv() == "learn":
        line.send(told(current, current.learn()))
    os._exit(0)


@contextmanager
def pupil(shop: Shop, lessons: Lessons, teaching: bool = False) -> Iterator[Callable[[], Told]]:
    """Another process, which learns when it is told to."""
    mine, other = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_other, args=(shop, lessons, teaching, other))
    process.start()

    def learn() -> Told:
        mine.send("learn")
        assert mine.poll(60), "it does not answer"
        found: Told = mine.recv()
        return found

    try:
        yield learn
    finally:
        mine.send("stop")
        process.join()


@pytest.fixture
def lessons(own: Shop) -> Lessons:
    preloaded.read(own)
    found = shared()
    assert found is not None
    return found


def happened(current: Current, user: str, *items: str, at: int = NOW) -> None:
    sent = json.dumps(bought(user, *items, at=at)).encode()
    assert asyncio.run(collect(current, sent))["accepted"] == len(items)


def item(id_: str) -> dict[str, Any]:
    """As the store has it."""
    return dict.fromkeys(ITEMS.names) | {"item_id": id_, "title": id_}


def same(one: Told, other: Told) -> None:
    assert one["learned"] == other["learned"]
    for name, array in one["state"].items():
        np.testing.assert_array_equal(other["state"][name], array, err_msg=name)


def test_one_learns_and_the_other_reads_it(own: Shop, lessons: Lessons) -> None:
    with pupil(own, lessons) as learn:
        current = teacher_of(own, lessons)
        assert not current.learn()
        for turn in range(1, 4):
            happened(current, "ann", "item-00", "item-06", at=NOW + turn * MINUTE)
            mine, other = told(current, current.learn()), learn()
            assert mine["learned"] == 2 * turn
            assert (mine["came"], other["came"]) == (True, True)
            assert (mine["own"], other["own"]) == (False, False)
            same(mine, other)
            assert not learn()["came"]


def test_where_the_teacher_has_ended_another_goes_on(own: Shop, lessons: Lessons) -> None:
    current = current_of(own, lessons)
    with pupil(own, lessons, teaching=True) as learn:
        happened(current, "ann", "item-00", "item-06")
        assert learn()["learned"] == 2
        assert told(current, current.learn())["learned"] == 2
    happened(current, "ann", "item-03", at=NOW + MINUTE)
    assert not current.learn()
    with pupil(own, lessons, teaching=True) as learn:
        late = learn()
        assert late["learned"] == 3
        same(late, told(current, current.learn()))
        alone = Current(own, current.live, lambda: NOW)
        alone.refresh()
        alone.learn()
        same(late, told(alone, True))
        with pupil(own, lessons) as another:  # and finds what was learned before it was there
            same(late, another())


def test_items_that_came_have_the_codes_of_the_teacher(own: Shop, lessons: Lessons) -> None:
    """Who looks after each change has them in the order in which they came; who looks later, in
    that of the latest word on each."""
    with pupil(own, lessons) as learn:
        current = teacher_of(own, lessons)
        for id_ in ("new-b", "new-a", "gone", "new-b"):
            current.goods.put([item(id_)])
            current.latest()
        current.goods.remove("gone", None)
        happened(current, "ann", "new-a", "item-06", "new-b")
        mine, other = told(current, current.learn()), learn()
        assert mine["items"] == other["items"] == ("new-b", "new-a", "gone")
        same(mine, other)
        current.goods.put([item("later")])
        assert learn()["items"] == ("new-b", "new-a", "gone", "later")


def test_an_item_that_came_after_the_lesson_can_be_asked_about(own: Shop, lessons: Lessons) -> None:
    current = current_of(own, lessons)
    with pupil(own, lessons, teaching=True) as learn:
        happened(current, "ann", "item-00", "item-06")
        learn()
        current.goods.put([item("later")])
        found = told(current, current.learn())
    assert found["items"] == ("later",)
    assert found["learned"] == 2
    assert len(found["state"]["events"]) == 13


def test_what_a_stranger_wrote_is_not_read(own: Shop, lessons: Lessons) -> None:
    strange = Lessons()
    happened(current := teacher_of(own, strange), "ann", "item-00", "item-06")
    assert current.learn()
    loaded = current.loaded
    assert loaded is not None
    assert strange.newest("first", 0, loaded.fitted) is not None
    os.pwrite(lessons._board, os.pread(strange._board, WHERE.size, 0), 0)
    assert lessons.newest("first", 0, loaded.fitted) is None
    os.pwrite(lessons._board, WHERE.pack(os.getpid(), 1 << 20), 0)  # there is no such file
    assert lessons.newest("first", 0, loaded.fitted) is None


def test_a_model_that_cannot_be_shared_is_learned_by_each(
    own: Shop, lessons: Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: Neighbours) -> None:
        raise TypeError("holds what is no array")

    monkeypatch.setattr(Neighbours, "arrays", property(refuse))
    with pupil(own, lessons) as learn:
        current = teacher_of(own, lessons)
        happened(current, "ann", "item-00", "item-06")
        mine, other = told(current, current.learn()), learn()
    assert mine["own"]
    same(mine, other)
