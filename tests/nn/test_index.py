from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from endcap.nn.index import Index
from endcap.nn.nearest import Nearest
from endcap.types import Ragged, Ranking
from tests.nn.test_nearest import asked

ITEMS, DIM = 20_000, 31


def drawn(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def vectors() -> torch.Tensor:
    return drawn(ITEMS)


@pytest.fixture(scope="module")
def indexed(vectors: torch.Tensor) -> Nearest:
    return Nearest(vectors, Index.of(vectors.numpy()))


def pairs(ranking: Ranking) -> list[tuple[int, int]]:
    return list(zip(ranking.query.tolist(), ranking.item.tolist(), strict=True))


def kept(found: Ranking, expected: Ranking) -> float:
    """How much of the expected lists was found."""
    assert len(found) == len(expected)
    return len({*pairs(found)} & {*pairs(expected)}) / len(expected)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_it_finds_nearly_all_of_the_best(
    vectors: torch.Tensor, indexed: Nearest, share: float
) -> None:
    """Of vectors that are even in all directions, and nothing that may not be answered."""
    rng, read = np.random.default_rng(1), drawn(50, seed=2)
    queries = replace(
        asked(50), exclude=Ragged.of([rng.integers(0, ITEMS, 100).tolist() for _ in read])
    )
    if share < 1:
        queries = queries.allow(rng.random(ITEMS) < share)
    found, exact = indexed.best(read, queries, 50), Nearest(vectors).best(read, queries, 50)
    assert kept(found, exact) > 0.98
    assert queries.permits(found.query, found.item).all()
    scores = (read.numpy()[found.query] * vectors.numpy()[found.item]).sum(1)
    np.testing.assert_allclose(found.score, scores, rtol=1e-4, atol=1e-4)


def test_where_few_are_allowed_all_are_gone_through(
    vectors: torch.Tensor, indexed: Nearest
) -> None:
    few = np.zeros(ITEMS, np.bool_)
    few[:100] = True
    queries, read = asked(3).allow(few), drawn(3, seed=3)
    assert pairs(indexed.best(read, queries, 70)) == pairs(Nearest(vectors).best(read, queries, 70))


def test_where_it_finds_too_few_all_are_gone_through() -> None:
    """What is near is not allowed: of a thousand of one direction none, of the rest all."""
    vectors = drawn(3_000)
    vectors[:1_000] = 10 * vectors[0] + 0.01 * vectors[:1_000]
    found = Nearest(vectors, Index.of(vectors.numpy()))
    queries = asked(1).allow(np.arange(3_000) >= 1_000)
    one, other = (way.best(vectors[:1], queries, 50) for way in (found, Nearest(vectors)))
    assert pairs(one) == pairs(other)


def test_what_moved_or_came_since_is_found_where_it_stands(
    vectors: torch.Tensor, indexed: Nearest
) -> None:
    read = drawn(1, seed=4)
    best = indexed.best(read, asked(1), 5).item.tolist()
    after = torch.cat([vectors, 10 * read])
    after[best[0]] = -after[best[0]]
    after[7] = 20 * read[0]
    rows = torch.tensor(sorted([7, 8, best[0], ITEMS]))
    changed = indexed.changed(after, rows)
    assert changed.best(read, asked(1), 6).item.tolist() == [7, ITEMS, *best[1:]]
    told = Nearest.of(changed.arrays, changed.index)
    assert pairs(told.best(read, asked(1), 6)) == pairs(changed.best(read, asked(1), 6))
    allowed = np.ones(ITEMS + 1, np.bool_)
    allowed[[7, ITEMS]] = False
    assert changed.best(read, asked(1).allow(allowed), 4).item.tolist() == best[1:]
    # It knows of both changes, and not of what did not change.
    assert changed.changed(after, torch.tensor([9])).moved.tolist() == sorted([7, best[0], ITEMS])
    assert indexed.best(read, asked(1), 5).item.tolist() == best


def test_a_list_does_not_hang_on_who_else_asks(indexed: Nearest) -> None:
    read = drawn(2, seed=5)
    queries = replace(asked(2), exclude=Ragged.of([[], list(range(3_000))]))
    together = indexed.best(read, queries, 40)
    alone = indexed.best(read[:1], queries.take(np.array([0])), 40)
    assert pairs(together)[:40] == pairs(alone)


def test_without_faiss_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert Index.of(drawn(100).numpy()) is None
