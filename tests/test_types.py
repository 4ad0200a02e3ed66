"""The values that travel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from endcap.types import Candidates, History, Queries, Ragged, Ranking, offsets_of, ranges, spans
from endcap.types.mapped import mapped
from endcap.types.ranking import best_first
from tests.shops import history, queries, ranking

Rows = list[list[int]]

rows = st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=5)


def lists(ragged: Ragged) -> Rows:
    return [ragged[row].tolist() for row in range(len(ragged))]


@given(rows, st.data())
def test_ragged_rows(given: Rows, data: st.DataObject) -> None:
    ragged = Ragged.of(given)
    assert lists(ragged) == given
    assert ragged.lengths.tolist() == [len(row) for row in given]
    assert ragged.rows.tolist() == [place for place, row in enumerate(given) for _ in row]
    chosen = data.draw(st.lists(st.integers(0, len(given) - 1))) if given else []
    assert lists(ragged.take(np.array(chosen, np.int64))) == [given[row] for row in chosen]
    even = ragged.keep(ragged.values % 2 == 0)
    assert lists(even) == [[value for value in row if value % 2 == 0] for row in given]


@given(st.lists(st.tuples(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9))), max_size=4))
def test_a_union_is_row_by_row(pairs: list[tuple[list[int], list[int]]]) -> None:
    left, right = (Ragged.of([pair[side] for pair in pairs]) for side in (0, 1))
    assert lists(left.union(right)) == [sorted({*a, *b}) for a, b in pairs]


def test_spans_and_ranges() -> None:
    assert spans(np.array([5, 5, 0]), np.array([5, 7, 1])).tolist() == [5, 6, 0]
    assert ranges(np.array([0, 2, 2, 5]), np.array([2, 0])).tolist() == [2, 3, 4, 0, 1]
    assert offsets_of(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]


@given(rows, st.integers(0, 4))
def test_the_last_of_a_history(given: Rows, n: int) -> None:
    past = history(*given)
    last = past.last(n)
    assert lists(last.ragged()) == [row[max(0, len(row) - n) :] for row in given]
    assert last.ages.tolist() == [age for row in given for age in reversed(range(min(n, len(row))))]


def test_the_columns_of_a_history_stay_together() -> None:
    past = history([3, 1, 2], [], [5])
    turned = past.take(np.array([2, 0]))
    assert turned.items.tolist() == [5, 3, 1, 2]
    assert turned.times.tolist() == [past.times[place] for place in (3, 0, 1, 2)]
    assert len(History.empty(2)) == 2
    assert past.rows.tolist() == [0, 0, 0, 2]


def test_the_best_of_a_matrix() -> None:
    scores = np.array([[0, 5, 5, -np.inf], [-np.inf] * 4], np.float32)
    best = Ranking.best(scores, 3)
    assert (best.query.tolist(), best.item.tolist()) == ([0, 0, 0], [1, 2, 0])
    assert Ranking.best(scores, 99).item.tolist() == [1, 2, 0]
    assert len(Ranking.best(scores, 0)) == 0
    assert len(Ranking.best(scores[:, :0], 5)) == 0
    assert len(Ranking.best(scores[:0], 5)) == 0


@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1), st.integers(0, 8))
def test_the_best_have_the_highest_scores_in_order(matrix: Rows, n: int) -> None:
    best = Ranking.best(np.array(matrix, np.float32), n)
    for query, row in enumerate(matrix):
        own = best.of(query)
        assert own.score.tolist() == sorted(row, reverse=True)[:n]
        assert [row[item] for item in own.item] == own.score.tolist()
        same = np.diff(own.score) == 0
        assert np.all(np.diff(own.item)[same] > 0), "equal scores stand in the order of codes"


@pytest.mark.parametrize("n", [1, 7, 100, 250])
def test_the_best_of_long_rows_are_those_of_sorting_all(n: int) -> None:
    """Rows so long that only the peaks of slices are parted, with equal scores and −inf."""
    chance = np.random.default_rng(n)
    scores = np.round(chance.normal(size=(5, 40_013)), 2).astype(np.float32)
    scores[chance.random(scores.shape) < 0.3] = -np.inf
    scores[3], scores[4, 20:] = 1.0, -np.inf
    found = Ranking.best(scores, n)
    for row in range(5):
        order = np.lexsort((np.arange(scores.shape[1]), -scores[row]))[:n]
        order = order[np.isfinite(scores[row, order])]
        np.testing.assert_array_equal(found.of(row).item, order)
        np.testing.assert_array_equal(found.of(row).score, scores[row, order])


def test_a_list_that_goes_on_does_not_know_of_others() -> None:
    more = ranking([8, 9], [8, 9])
    low, high = ranking([1], [2], scores=[[-5.0], [3.0]]), ranking([2], scores=[[3.0]])
    alone = high.extended(more.of(0)).score
    np.testing.assert_array_equal(low.extended(more).of(1).score, alone)
    np.testing.assert_array_equal(alone, [3.0, -1.0, -2.0])


def test_questions_that_are_put_together_can_be_taken_apart() -> None:
    whole = replace(
        queries([1, 2], [], [3]),
        exclude=Ragged.of([[4], [], [5, 6]]),
        anchors=Ragged.of([[], [7], []]),
        seeds=np.array([1, 2, 3]),
        context=(("device: phone",), (), ("device: tablet",)),
        log=tuple,
    )
    parts = [whole.take(np.array([row])) for row in range(3)]
    again = Queries.concat(parts)
    for name in ("users", "times", "seeds"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    for name in ("exclude", "anchors"):
        np.testing.assert_array_equal(getattr(again, name).values, getattr(whole, name).values)
    np.testing.assert_array_equal(again.history.offsets, whole.history.offsets)
    np.testing.assert_array_equal(again.history.items, whole.history.items)
    assert (again.context, again.log) == (whole.context, whole.log)


def test_places_begin_anew_for_each_query() -> None:
    lists = ranking([4, 2, 7], [], [1, 0], scores=[[3, 3, 1], [], [2, 2]])
    assert lists.places.tolist() == [1, 2, 3, 1, 2]
    assert lists.worst_places.tolist() == [2, 2, 3, 2, 2]
    assert lists.top(1).item.tolist() == [4, 1]
    assert lists.of(1).item.tolist() == []
    assert lists.of(2).item.tolist() == [1, 0]
    assert lists.hits(Ragged.of([[7, 9], [4], [1]])).tolist() == [False, False, True, True, False]


def test_rankings_of_batches_become_one() -> None:
    parts = [(np.array([0, 1]), ranking([3], [4, 5])), (np.array([2, 3]), ranking([], [6]))]
    whole = Ranking.concat(parts)
    assert whole.query.tolist() == [0, 1, 1, 3]
    assert whole.item.tolist() == [3, 4, 5, 6]
    assert len(Ranking.concat([])) == 0


def test_candidates_take_new_scores() -> None:
    both = Candidates.of({"a": ranking([1, 2], [3])})
    scored = both.score(np.array([0.1, 0.9, 0.5], np.float32))
    assert scored.item.tolist() == [2, 1, 3]
    assert both.keep(np.array([False, True, True])).places.tolist() == [[2], [1]]


def test_lists_are_joined_by_weighted_places_and_scores() -> None:
    lists = {"a": ranking([3, 1], [2]), "b": ranking([1, 2, 4], [])}
    found = Candidates.of(lists)
    assert found.retrievers == ("a", "b")
    assert found.ranking.query.tolist() == [0, 0, 0, 0, 1]
    assert found.ranking.item.tolist() == [1, 2, 3, 4, 2]
    none = np.nan
    np.testing.assert_array_equal(
        found.places, [[2, 1], [none, 2], [1, none], [none, 3], [1, none]]
    )
    np.testing.assert_array_equal(found.scores[:, 0], [0, none, 1, none, 1])
    by_place = found.joined([1, 2, 0, 0], constant=10)
    by_hand = [11 / 12 + 2 * 11 / 11, 2 * 11 / 12, 2 * 11 / 13, 1, 1]
    assert by_place.ranking.item.tolist() == [1, 2, 4, 3, 2]
    np.testing.assert_allclose(by_place.ranking.score, by_hand, rtol=1e-6)
    np.testing.assert_array_equal(by_place.places[:, 1], [1, 2, 3, none, none])
    by_score = found.joined([0, 0, 1, 0.5], constant=10)
    assert by_score.ranking.item.tolist() == [3, 1, 2, 4, 2]


def test_equal_scores_stand_in_the_order_of_items_and_nothing_joins_to_nothing() -> None:
    joined = Candidates.of({"a": ranking([5]), "b": ranking([4])}).joined([1, 1, 0, 0], 10)
    assert joined.ranking.item.tolist() == [4, 5]
    empty = Candidates.of({"a": ranking([]), "b": ranking([])}).joined([1, 1, 0, 0], 10)
    assert (len(empty.ranking), empty.places.shape) == (0, (0, 2))


def test_a_retriever_that_took_no_part_placed_nothing() -> None:
    found = Candidates.of({"a": ranking([1, 2])}).seen_by(("b", "a"))
    assert found.retrievers == ("b", "a")
    assert np.isnan(found.places[:, 0]).all()
    assert found.places[:, 1].tolist() == [1, 2]


@pytest.fixture
def asked() -> Queries:
    """Three questions over five items, of which item 4 may not be answered to anyone."""
    allowed = np.array([True, True, True, True, False])
    exclude = Ragged.of([[0, 2], [], [1]])
    return replace(queries([1], [], [0, 3]), exclude=exclude, allowed=allowed)


def test_what_is_forbidden_and_what_is_permitted_agree(asked: Queries) -> None:
    scores = asked.forbid(np.zeros((3, 5), np.float32))
    assert np.isfinite(scores).tolist() == [
        [False, True, False, True, False],
        [True, True, True, True, False],
        [True, False, True, True, False],
    ]
    query, item = np.divmod(np.arange(15, dtype=np.int32), np.int32(5))
    assert asked.permits(query, item).tolist() == np.isfinite(scores).ravel().tolist()


def test_without_rules_everything_is_permitted() -> None:
    plain = queries([1], [2])
    assert plain.permits(np.array([0, 1], np.int32), np.array([7, 0], np.int32)).all()
    assert np.isfinite(plain.forbid(np.zeros((2, 3), np.float32))).all()
    assert len(queries().permits(np.zeros(0, np.int32), np.zeros(0, np.int32))) == 0


def test_questions_come_in_batches_with_their_rows(asked: Queries) -> None:
    parts = list(asked.batches(2))
    assert [rows.tolist() for rows, _ in parts] == [[0, 1], [2]]
    assert parts[1][1].history.items.tolist() == [0, 3]
    assert lists(parts[1][1].exclude) == [[1]]
    assert parts[1][1].allowed is asked.allowed


def test_a_ranking_is_by_query_then_score_then_item() -> None:
    rng = np.random.default_rng(1)
    scores = np.array([0.0, -0.0, 1, -1, 1e-40, -1e-40, np.inf, -np.inf, 3.5, -2.25], np.float32)
    for size in (0, 1, 7, 60):
        query = rng.integers(0, 4, size).astype(np.int32)
        item, score = rng.permutation(size).astype(np.int32), rng.choice(scores, size)
        order = np.lexsort((item, -score, query))
        np.testing.assert_array_equal(best_first(query, item, score), order)


def test_mapped_arrays_are_those_of_the_file_and_change_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    arrays: dict[str, NDArray[Any]] = {
        "some": np.arange(6, dtype=np.int8).reshape(2, 3),
        "none": np.zeros((0, 4), np.int64),
        "real": np.array([0.5, np.nan], np.float32),
        "true": np.array([True, False]),
    }
    save_file(arrays, path)
    found = mapped(path)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    found["some"][:] = 0
    np.testing.assert_array_equal(mapped(path)["some"], arrays["some"])


@pytest.mark.parametrize("text", [b"", b"short", b"\xff" * 64, b"\2\0\0\0\0\0\0\0[]"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "state.safetensors"
    path.write_bytes(text)
    with pytest.raises(ValueError):  # noqa: PT011, whatever is said of it
        mapped(path)
