from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from endcap.nn import nearest
from endcap.nn import rough as module
from endcap.nn.nearest import Nearest
from endcap.nn.products import largest
from endcap.nn.rough import Full, Rough, Whole, faster, whole_is_faster
from endcap.types import History, Queries, Ragged, Ranking


def asked(count: int) -> Queries:
    nobody = np.zeros(count, np.int32)
    return Queries.of(nobody, np.ones(count, np.int64), History.empty(count))


def exact(vectors: torch.Tensor, read: torch.Tensor, queries: Queries, n: int) -> Ranking:
    return Ranking.best(queries.forbid((read @ vectors.t()).numpy()), n)


@pytest.fixture(params=[Whole, Full])
def rough(request: pytest.FixtureRequest) -> Callable[[torch.Tensor], Rough]:
    """Both ways: which one is taken hangs on the processor."""
    way: Callable[[torch.Tensor], Rough] = request.param
    return way


@pytest.mark.parametrize("spread", [0.0, 1.5])
@pytest.mark.parametrize("count", [1, 7])
def test_lists_are_those_of_exact_products(
    count: int, spread: float, rough: Callable[[torch.Tensor], Rough]
) -> None:
    """Of vectors of one length, and of such as differ a thousandfold."""
    chance = torch.Generator().manual_seed(1)
    length = torch.exp(spread * torch.randn(20_000, 1, generator=chance))
    vectors = torch.randn(20_000, 32, generator=chance) * length
    read = torch.randn(count, 32, generator=chance)
    rng = np.random.default_rng(1)
    queries = replace(
        asked(count).allow(rng.random(20_000) < 0.9),
        exclude=Ragged.of([rng.integers(0, 20_000, 500).tolist()] * count),
    )
    known = Nearest(vectors, rough=rough)
    for n in (1, 10, 200):
        found, expected = known.best(read, queries, n), exact(vectors, read, queries, n)
        np.testing.assert_array_equal(found.query, expected.query)
        np.testing.assert_array_equal(found.item, expected.item)
        np.testing.assert_allclose(found.score, expected.score, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("times", [1.0, 30.0])
def test_a_few_other_vectors_are_found_like_all_anew(
    times: float, rough: Callable[[torch.Tensor], Rough]
) -> None:
    """Also such as are longer than any was before; what was known before stays as it was."""
    chance = torch.Generator().manual_seed(1)
    before = torch.randn(5_000, 16, generator=chance)
    rows = torch.cat([torch.arange(0, 5_000, 50), torch.arange(5_000, 5_040)])
    vectors = torch.cat([before, torch.zeros(40, 16)])
    vectors[rows] = times * torch.randn(140, 16, generator=chance).clamp(-2, 2)
    old, anew = Nearest(before, rough=rough), Nearest(vectors, rough=rough)
    found = old.changed(vectors, rows)
    read = torch.randn(7, 16, generator=chance)
    one, other = (model.best(read, asked(7), 50) for model in (found, anew))
    np.testing.assert_array_equal(one.item, other.item)
    np.testing.assert_array_equal(one.score, other.score)
    assert np.isin(one.item, rows.numpy()).any()
    assert old.best(read, asked(7), 50).item.max() < 5_000


def test_what_is_shared_is_found_again(rough: Callable[[torch.Tensor], Rough]) -> None:
    """By whom has nothing but the arrays, in what way it was made."""
    chance = torch.Generator().manual_seed(1)
    vectors, read = (torch.randn(size, 16, generator=chance) for size in (5_000, 7))
    made = Nearest(vectors, rough=rough)
    found = Nearest.of(made.arrays)
    assert type(found.rough) is type(made.rough)
    one, other = (model.best(read, asked(7), 50) for model in (made, found))
    np.testing.assert_array_equal(one.item, other.item)
    np.testing.assert_array_equal(one.score, other.score)


def test_the_way_is_the_faster_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a processor that takes its time for one kind of numbers."""
    for slow, expected in ((torch.int8, Full), (torch.float32, Whole)):

        def multiplied(
            vectors: torch.Tensor,
            asked: torch.Tensor,
            out: torch.Tensor,
            slow: torch.dtype = slow,
        ) -> None:
            time.sleep(0.01 if vectors.dtype == slow else 0)

        whole_is_faster.cache_clear()
        monkeypatch.setattr(module, "multiply", multiplied)
        assert type(faster(torch.ones(3, 2))) is expected
    whole_is_faster.cache_clear()


def test_little_is_multiplied_twice(
    monkeypatch: pytest.MonkeyPatch, rough: Callable[[torch.Tensor], Rough]
) -> None:
    """Else nothing would be gained."""
    counts = list[int]()

    def counted(*arguments: Any) -> Any:
        rows = largest(*arguments)
        counts.append(len(rows[0]))
        return rows

    monkeypatch.setattr(nearest, "largest", counted)
    chance = torch.Generator().manual_seed(1)
    vectors = torch.randn(100_000, 64, generator=chance)
    Nearest(vectors, rough=rough).best(torch.randn(1, 64, generator=chance), asked(1), 200)
    assert 200 <= counts[0] < 2_000


def test_where_hardly_anything_may_be_answered(rough: Callable[[torch.Tensor], Rough]) -> None:
    vectors, read = torch.eye(4), torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    queries = asked(2).allow(np.array([True, False, True, False]))
    assert Nearest(vectors, rough=rough).best(read, queries, 3).item.tolist() == [2, 0, 0, 2]
    none = asked(2).allow(np.zeros(4, np.bool_))
    assert len(Nearest(vectors, rough=rough).best(read, none, 3)) == 0


def test_nothing_at_all(rough: Callable[[torch.Tensor], Rough]) -> None:
    assert len(Nearest(torch.zeros(3, 2), rough=rough).best(torch.zeros(1, 2), asked(1), 2)) == 2
    assert len(Nearest(torch.zeros(0, 2), rough=rough).best(torch.zeros(1, 2), asked(1), 2)) == 0
