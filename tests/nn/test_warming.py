"""Items without events go from where content puts them to those who take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from endcap.nn.warming import Crowd, Sums, Warming
from endcap.types import Floats, Queries
from tests.shops import DAY, dataset, queries

READ = np.array([[3, 0], [3, 1], [0, 3], [1, 3]], np.float32)
"""Two visitors of one taste, two of another."""

KNOWN = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])

CROWD = Crowd(READ, (torch.from_numpy(READ) @ KNOWN.t()).logsumexp(1).numpy(), np.array([3]))

SAID = np.array([[1, 0], [0, 1], [9, 9]], np.float32)

COLD = Warming.of(CROWD, 4.0, np.array([3, 5, 8], np.int32), SAID, np.array([True, True, False]))
"""Of item 8 content says nothing, whatever stands there."""


def taken(items: list[int], read: list[list[float]], weight: float = 1.0) -> Warming:
    codes = np.array(items, np.int32)
    rows = np.array(read, np.float32).reshape(-1, 2)
    return COLD.after(codes, rows, np.full(len(items), weight, np.float32))


@pytest.mark.parametrize("worth", [0.01, 1.0, 100.0])
def test_it_stands_where_no_small_step_is_better(worth: float) -> None:
    """By the likelihood of three events among nine, as there are three known items."""
    start, events, count = SAID[0], READ[2] * 3, 3
    found = CROWD.settled(start, events.astype(np.float64), count, worth)

    def loss(vector: Sums) -> float:
        rate = np.exp(READ @ vector - CROWD.total).mean()
        pull = worth * np.mean(READ**2) / 2 * np.sum((vector - start) ** 2)
        return float(3 * count * rate - events @ vector + pull)

    for step in np.vstack([np.eye(2), -np.eye(2)]) * 0.01:
        assert loss(found) < loss(found + step)


def test_without_content_it_is_as_popular_as_known_items_are() -> None:
    found = CROWD.settled(np.zeros(2, np.float32), READ.sum(axis=0) * 50.0, 200, 1e-6)
    assert np.exp(READ @ found - CROWD.total).mean() == pytest.approx(1 / 3, rel=0.05)


def test_the_more_take_it_the_more_it_is_theirs() -> None:
    """Item 3 is said to be of the first taste, and is taken by the other."""
    lead = [float(taken([3] * n, [[0, 3]] * n).vectors[0] @ [1, -1]) for n in (0, 1, 4, 16, 64)]
    assert lead == sorted(lead, reverse=True)
    assert lead[0] > 0 > lead[-1]


def test_who_is_not_taken_stays() -> None:
    model = taken([8], [[0, 3]])
    np.testing.assert_array_equal(model.vectors[:2], SAID[:2])
    assert COLD.known.tolist() == [True, True, False]
    assert model.known.all()
    assert model.vectors[2, 1] > model.vectors[2, 0], "not where it stood, but where its visitor is"


def test_an_event_counts_by_its_weight() -> None:
    whole, quarter = taken([3], [[0, 3]]), taken([3] * 4, [[0, 3]] * 4, weight=0.25)
    np.testing.assert_allclose(whole.vectors, quarter.vectors)


@given(st.lists(st.tuples(st.sampled_from([3, 5, 8]), st.integers(-3, 3)), max_size=12))
def test_one_by_one_is_all_at_once(events: list[tuple[int, int]]) -> None:
    alone = COLD
    for item, read in events:
        one = np.array([[read, 1]], np.float32)
        alone = alone.after(np.array([item], np.int32), one, np.ones(1, np.float32))
    together = taken([item for item, _ in events], [[read, 1] for _, read in events])
    np.testing.assert_allclose(alone.vectors, together.vectors, rtol=1e-6)
    np.testing.assert_array_equal(COLD.vectors, SAID)


def test_items_that_come_later_begin_cold() -> None:
    before = taken([5], [[3, 0]])
    both = before.joined(np.array([9], np.int32), SAID[:1], np.array([True]))
    np.testing.assert_array_equal(both.vectors, [*before.vectors, SAID[0]])
    vectors, heard = both.over(torch.ones(9, 2)), both.heard(9)
    assert vectors[[0, 9]].tolist() == [[1, 1], [1, 0]]
    assert heard.tolist() == [True] * 10


def test_events_of_known_items_and_without_a_past_teach_nothing() -> None:
    one = np.ones(1, np.float32)
    for past, item, weight in (([0], 0, one), ([], 3, one), ([0], 3, 0 * one)):
        asked = queries(past)
        assert COLD.taught(asked, np.array([item], np.int32), weight, refuse) is COLD
    nobody = replace(COLD, crowd=Crowd.nobody())
    assert nobody.taught(queries([0]), np.array([3], np.int32), one, refuse) is nobody


def refuse(asked: Queries) -> Floats:
    raise AssertionError(f"{len(asked)} pasts were read")


def items_of(asked: Queries) -> Floats:
    """Who has had an item reads as its number."""
    return np.array([[asked.history.items[-1], len(asked)]], np.float32).repeat(len(asked), axis=0)


def test_what_shares_a_moment_is_no_past() -> None:
    """A basket's lines have no order."""
    asked = queries([1, 2])
    asked = replace(asked, times=asked.history.times[1:])  # that of the second
    taught = COLD.taught(asked, np.array([3], np.int32), np.ones(1, np.float32), items_of)
    assert taught.taken[0].tolist() == [1, 1]


def test_a_crowd_is_who_takes_what_counts(tmp_path: Path) -> None:
    """A view says nothing, and who has no past is not read."""
    users, items = [1, 1, 2, 2, 3], [0, 1, 1, 0, 1]
    shop = dataset(tmp_path, users, items, kinds=[8, 8, 8, 0, 8], times=[0, DAY, 0, DAY, 0])
    weight = np.zeros(12, np.float32)
    weight[8] = 1
    shop = replace(shop, kind_weights=weight)
    crowd = Crowd.of(shop, 10, items_of, KNOWN, seed=1)
    assert crowd.read.tolist() == [[0, 1]]
    assert crowd.total == pytest.approx(torch.tensor([-1.0, 1.0, 1.0]).logsumexp(0).item())
    assert len(Crowd.of(shop.keep(shop.user == 3), 10, refuse, KNOWN, seed=1).read) == 0
