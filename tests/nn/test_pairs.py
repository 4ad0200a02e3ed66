"""What was taken, beside what had been done before it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from endcap.nn.pairs import Pairs, pair_batches
from endcap.nn.pooling import pooled, shares
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES, kind
from tests.shops import DAY, dataset, history

VIEW, PURCHASE = kind("view"), kind("purchase")


@pytest.fixture
def shop(tmp_path: Path) -> Dataset:
    """The first visitor takes 0, then 1 and 2 together, then 3; the second takes 4, then 5."""
    return dataset(
        tmp_path,
        users=[1, 1, 1, 1, 2, 2],
        items=[0, 1, 2, 3, 4, 5],
        times=[0, DAY, DAY, 2 * DAY, 0, DAY],
        kinds=[VIEW, VIEW, PURCHASE, VIEW, VIEW, VIEW],
    )


def lessons(shop: Dataset, history: int = 9, size: int = 2, seed: int = 1) -> list[Pairs]:
    rng = np.random.default_rng(seed)
    return [pairs for _, pairs in pair_batches(shop, shop.weight, history, size, rng)]


def by_item(batches: list[Pairs]) -> dict[int, list[int]]:
    return {
        int(item): pairs.past.ragged()[row].tolist()
        for pairs in batches
        for row, item in enumerate(pairs.items)
    }


def test_the_past_of_an_event_ends_before_its_moment(shop: Dataset) -> None:
    assert by_item(lessons(shop)) == {1: [0], 2: [0], 3: [0, 1, 2], 5: [4]}


def test_only_the_newest_of_the_past_are_kept(shop: Dataset) -> None:
    assert by_item(lessons(shop, history=2))[3] == [1, 2]


def test_each_event_comes_once_an_epoch_in_an_order_by_chance(shop: Dataset) -> None:
    orders = {tuple(np.concatenate([p.events for p in lessons(shop, seed=s)])) for s in range(9)}
    assert {tuple(sorted(order)) for order in orders} == {(1, 2, 3, 5)}
    assert len(orders) > 1


def test_what_says_nothing_is_no_lesson_and_the_rest_has_its_weight(shop: Dataset) -> None:
    weights = np.zeros(len(EVENT_TYPES), np.float32)
    weights[PURCHASE] = 3
    (pairs,) = lessons(replace(shop, kind_weights=weights))
    assert pairs.items.tolist() == [2]
    assert pairs.weight.tolist() == [3]


def test_shares_fall_with_age_and_go_by_the_type() -> None:
    kinds = torch.ones(len(EVENT_TYPES))
    kinds[VIEW] = 0.5
    seen = history([7, 8], [], [9], kind=VIEW)
    np.testing.assert_allclose(shares(seen, 0.5, kinds), [1 / 3, 2 / 3, 1])
    mixed = replace(seen, kinds=np.array([PURCHASE, VIEW, VIEW], np.int8))
    np.testing.assert_allclose(shares(mixed, 0.5, kinds), [1 / 2, 1 / 2, 1])
    assert shares(seen, 0.5, torch.zeros(len(EVENT_TYPES))).tolist() == [0, 0, 0]


def test_a_mean_of_vectors_is_zero_for_who_did_nothing() -> None:
    seen = history([1, 0], [], [2])
    table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [4.0, 4.0]])
    share = np.array([0.25, 0.75, 1.0], np.float32)
    mean = pooled(table, seen, seen.items, share)
    assert mean.tolist() == [[0.75, 0.25], [0, 0], [4, 4]]
