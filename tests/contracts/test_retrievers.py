"""What every retriever promises: see `Retriever` in `endcap.stages`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.class_paths import load_stage, save_stage
from endcap.newer_catalogue import Unaware
from endcap.stages import Retriever
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.overlay import Overlay
from endcap.types import Queries, Ragged, Ranking
from tests.contracts.found import NOT_ASKED, learned
from tests.shops import catalogue, dataset, lengths_of, queries

ITEMS = 20


def same(a: Ranking, b: Ranking) -> None:
    np.testing.assert_array_equal(a.query, b.query)
    np.testing.assert_array_equal(a.item, b.item)
    np.testing.assert_allclose(a.score, b.score, rtol=1e-4, atol=1e-5)


def test_it_learns_the_checkerboard(retriever: Retriever[Any], asked: Asked) -> None:
    """What it offers a visitor first, of what is new to them, has the visitor's colour."""
    name = type(retriever).__name__
    if name in NOT_ASKED:
        pytest.skip(f"{name} {NOT_ASKED[name]}")
    questions = replace(asked.queries, exclude=asked.queries.history.ragged())
    lists = retriever.retrieve(questions, ITEMS)
    left = ITEMS // 2 - asked.queries.history.lengths
    first = lists.keep(lists.places <= left[lists.query])
    right = first.item % 2 == asked.queries.users[first.query] % 2
    assert len(first) == left.sum(), "everything of the right colour is offered"
    assert right.mean() > 0.95


def test_what_is_loaded_answers_as_what_was_saved(
    retriever: Retriever[Any], asked: Asked, tmp_path: Path
) -> None:
    save_stage(retriever, tmp_path)
    loaded = load_stage(Retriever, tmp_path)
    assert loaded.settings == retriever.settings
    before, after = (one.retrieve(asked.queries, 10) for one in (retriever, loaded))
    np.testing.assert_array_equal(before.item, after.item)
    np.testing.assert_array_equal(before.score, after.score)


def test_nothing_is_saved_but_json_and_arrays(retriever: Retriever[Any], tmp_path: Path) -> None:
    save_stage(retriever, tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*")} == {".json", ".safetensors"}


def test_one_alone_is_answered_as_among_many(retriever: Retriever[Any], asked: Asked) -> None:
    together = retriever.retrieve(asked.queries, 10)
    for row in (0, 7, 23, 47):
        alone = retriever.retrieve(asked.queries.take(np.array([row])), 10)
        same(alone, replace(together.of(row), query=np.zeros_like(together.of(row).query)))


def test_the_same_seed_learns_the_same(retriever: Retriever[Any], past: Dataset) -> None:
    again = learned(type(retriever), past)
    assert again.settings == retriever.settings
    assert set(again.state) == set(retriever.state)
    for name, array in again.state.items():
        np.testing.assert_array_equal(array, retriever.state[name])


def test_strangers_are_answered_without_an_error(retriever: Retriever[Any]) -> None:
    """Perhaps with nothing; and those who are known, as if no stranger stood between them."""
    mixed = queries([], [0, 2, 4], [], [1, 3])
    among = retriever.retrieve(mixed, 5)
    alone = retriever.retrieve(mixed.take(np.array([1, 3])), 5)
    for row, place in ((1, 0), (3, 1)):
        np.testing.assert_array_equal(among.of(row).item, alone.of(place).item)
    nobody = retriever.retrieve(queries([], []), 5)
    assert lengths_of(nobody, 2).max() <= 5
    assert len(retriever.retrieve(queries(), 5)) == 0


rows = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=8), min_size=1, max_size=4)


@settings(max_examples=40)
@given(past=rows, data=st.data(), n=st.integers(1, ITEMS + 5))
def test_lists_are_clean(
    retriever: Retriever[Any], past: list[list[int]], data: st.DataObject, n: int
) -> None:
    """Never more than n, none twice, best first, and nothing that may not be answered."""
    asked = queries(*past)
    banned = [data.draw(st.lists(st.integers(0, ITEMS - 1))) for _ in past]
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=ITEMS, max_size=ITEMS)))
    asked = replace(asked, exclude=Ragged.of(banned), allowed=allowed)
    lists = retriever.retrieve(asked, n)
    assert np.all(np.diff(lists.query) >= 0)
    assert lengths_of(lists, len(past)).max() <= n
    assert np.isfinite(lists.score).all()
    for row, out in enumerate(banned):
        found = lists.of(row)
        assert len(set(found.item.tolist())) == len(found)
        assert np.all(np.diff(found.score) <= 0)
        assert not set(found.item.tolist()) & set(out)
        assert allowed[found.item].all()


def test_a_short_list_begins_the_long_one(retriever: Retriever[Any], asked: Asked) -> None:
    short, long = (retriever.retrieve(asked.queries, n) for n in (3, ITEMS))
    same(short, long.top(3))


def test_what_may_not_be_answered_makes_way(retriever: Retriever[Any], asked: Asked) -> None:
    """The list goes on behind an excluded item, instead of growing shorter."""
    whole = retriever.retrieve(asked.queries, ITEMS)
    first = whole.keep(whole.places == 1)
    exclude = Ragged.of([first.of(row).item.tolist() for row in range(len(asked))])
    rest = retriever.retrieve(replace(asked.queries, exclude=exclude), ITEMS)
    same(rest, whole.keep(whole.places > 1))


def test_reasons_are_items_of_the_visitors_past(retriever: Retriever[Any], asked: Asked) -> None:
    lists = retriever.retrieve(asked.queries, 3)
    because = retriever.because(asked.queries, lists)
    if because is None:
        return
    assert len(because) == len(lists)
    for row, query in enumerate(lists.query):
        reasons = because[row].tolist()
        past = asked.queries.history.take(np.array([query])).items
        assert set(reasons) <= set(past.tolist())
        assert len(set(reasons)) == len(reasons)


def test_a_single_event_is_enough_to_learn_from(retriever: Retriever[Any], tmp_path: Path) -> None:
    """And most items of a catalogue may never have been seen."""
    little = dataset(tmp_path, users=[1], items=[2], goods=catalogue(6))
    lists = learned(type(retriever), little).retrieve(queries([2], []), 10)
    assert np.all(lists.item < 6)


def test_a_log_without_events_is_no_error(retriever: Retriever[Any], tmp_path: Path) -> None:
    """Such as that of a shop all of whose events are of the parts that are asked about."""
    nothing = dataset(tmp_path, users=[], items=[], goods=catalogue(6))
    lists = learned(type(retriever), nothing).retrieve(queries([2], []), 10)
    assert np.isfinite(lists.score).all()


def grown() -> Overlay:
    """The catalogue, and two items more."""
    new = [{"item_id": id_, "price": 5.0, "brand": "red", "gone": False} for id_ in ("n1", "n2")]
    return Overlay.over(catalogue(ITEMS)).changed(new)


def test_items_that_came_since_change_no_answer_about_the_others(
    retriever: Retriever[Any], asked: Asked
) -> None:
    """Whether it adopts them, or is left unaware of them."""
    met = met_by(retriever, grown())
    old = np.arange(ITEMS + 2) < ITEMS
    again = met.retrieve(asked.queries.allow(old), 10)
    same(again, retriever.retrieve(asked.queries, 10))


def test_items_that_came_since_can_be_in_all_that_is_asked(retriever: Retriever[Any]) -> None:
    met, new = met_by(retriever, grown()), ITEMS
    asked = replace(
        queries([0, new, 2], [new + 1, new], [], [1]),
        exclude=Ragged.of([[new], [], [new + 1, 3], []]),
        anchors=Ragged.of([[], [new], [], [4]]),
        allowed=np.ones(ITEMS + 2, np.bool_),
    )
    lists = met.retrieve(asked, ITEMS + 2)
    assert np.all(asked.permits(lists.query, lists.item))
    because = met.because(asked, lists)
    assert because is None or len(because) == len(lists)
    taught = met.learn(asked, np.array([new, 1, new + 1, 2], np.int32), np.full(4, 8, np.int8))
    lists = taught.retrieve(asked, ITEMS + 2)
    assert np.all(asked.permits(lists.query, lists.item))


def met_by(retriever: Retriever[Any], goods: Overlay) -> Retriever[Any]:
    return retriever.adopt(goods, goods.new) or Unaware(retriever, ITEMS)


def test_questions_stay_as_they_were(retriever: Retriever[Any]) -> None:
    asked: Queries = replace(queries([0, 2], [1]), exclude=Ragged.of([[4], []]))
    before = [asked.history.items.copy(), asked.exclude.values.copy(), asked.times.copy()]
    retriever.retrieve(asked, 5)
    after = [asked.history.items, asked.exclude.values, asked.times]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
