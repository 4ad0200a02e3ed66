"""What every ranker promises: see `Ranker` in `endcap.stages`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.class_paths import load_stage, save_stage
from endcap.errors import DataError
from endcap.newer_catalogue import UnawareRanker
from endcap.stages import Ranker, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.parts import Part
from endcap.types import Candidates, Ragged, Ranking
from tests.contracts.found import proposals, taught
from tests.shops import queries


@pytest.fixture(scope="session")
def candidates(asked: Asked, past: Dataset) -> Candidates:
    questions = replace(asked.queries, exclude=asked.queries.history.ragged())
    return proposals(questions, past)


def pairs(ranking: Ranking) -> list[tuple[int, int]]:
    return sorted(zip(ranking.query.tolist(), ranking.item.tolist(), strict=True))


def test_it_learns_the_checkerboard(
    ranker: Ranker[Any], asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    """Candidates of the visitor's colour come before the others."""
    ranked = ranker.rank(asked.queries, candidates, past.catalogue)
    first = ranked.keep(ranked.places == 1)
    assert np.mean(first.item % 2 == asked.queries.users[first.query] % 2) > 0.95


def test_all_candidates_come_back_best_first(
    ranker: Ranker[Any], asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    ranked = ranker.rank(asked.queries, candidates, past.catalogue)
    assert pairs(ranked) == pairs(candidates.ranking)
    assert np.isfinite(ranked.score).all()
    sorted_again = Ranking.sort(ranked.query, ranked.item, ranked.score)
    np.testing.assert_array_equal(ranked.item, sorted_again.item)


def test_what_is_loaded_ranks_as_what_was_saved(
    ranker: Ranker[Any], asked: Asked, candidates: Candidates, past: Dataset, tmp_path: Path
) -> None:
    save_stage(ranker, tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*")} == {".json", ".safetensors"}
    loaded: Ranker[Any] = load_stage(Ranker, tmp_path)
    before, after = (
        one.rank(asked.queries, candidates, past.catalogue) for one in (ranker, loaded)
    )
    np.testing.assert_array_equal(before.item, after.item)
    np.testing.assert_array_equal(before.score, after.score)


def test_one_alone_is_ranked_as_among_many(
    ranker: Ranker[Any], asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    together = ranker.rank(asked.queries, candidates, past.catalogue)
    for row in (0, 11, 47):
        own = candidates.keep(candidates.ranking.query == row)
        own = replace(own, ranking=replace(own.ranking, query=np.zeros_like(own.ranking.query)))
        alone = ranker.rank(asked.queries.take(np.array([row])), own, past.catalogue)
        np.testing.assert_array_equal(alone.item, together.of(row).item)
        np.testing.assert_allclose(alone.score, together.of(row).score, rtol=1e-5)


def test_the_same_seed_learns_the_same(ranker: Ranker[Any], board: Dataset) -> None:
    again = taught(type(ranker), board)
    assert set(again.state) == set(ranker.state)
    for name, array in again.state.items():
        np.testing.assert_array_equal(array, ranker.state[name])


def test_nothing_to_rank_is_no_error(
    ranker: Ranker[Any], asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    nothing = candidates.keep(np.zeros(len(candidates.ranking), np.bool_))
    assert len(ranker.rank(asked.queries, nothing, past.catalogue)) == 0


def test_too_little_to_learn_from_is_said(ranker: Ranker[Any], board: Dataset) -> None:
    """Nothing that was taken is among the candidates."""
    asked = board.asked(Part.RANKER)
    nobody = proposals(queries(*[[]] * len(asked)), board.before(Part.RANKER), n=1)
    nothing = np.zeros(len(asked), bool)
    missed = replace(asked, truth=Ragged.of([[19]] * len(asked)), again=nothing, met=nothing)
    with pytest.raises(DataError, match=f"Of {len(asked)} questions 0"):
        type(ranker).fit(ranker.settings, board.before(Part.RANKER), missed, nobody, Run(seed=1))


def test_items_that_came_since_stand_somewhere(
    ranker: Ranker[Any], asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    """Whether it adopts them, or is left unaware of them: none is lost, the others stay."""
    new = [{"item_id": id_, "gone": False} for id_ in ("n1", "n2")]
    goods = Overlay.over(past.catalogue).changed(new)
    met = ranker.adopt(goods, goods.new) or UnawareRanker(ranker, len(past.catalogue))
    plain = ranker.rank(asked.queries, candidates, past.catalogue)
    same = met.rank(asked.queries, candidates, goods)
    np.testing.assert_array_equal(same.item, plain.item)
    lists = {"a": candidates.ranking, "b": Ranking.sort(*_pair(asked, goods.new[0]))}
    both = Candidates.of(lists).joined([1, 1, 0, 0], constant=10.0)
    history = asked.queries.history
    items = np.where(np.arange(len(history.items)) % 5 == 0, goods.new[1], history.items)
    visitors = replace(asked.queries, history=replace(history, items=items.astype(np.int32)))
    assert pairs(met.rank(visitors, both, goods)) == pairs(both.ranking)


def _pair(asked: Asked, item: int) -> tuple[Any, Any, Any]:
    """Each query and an item."""
    query = np.arange(len(asked), dtype=np.int32)
    return query, np.full(len(asked), item, np.int32), np.ones(len(asked), np.float32)
