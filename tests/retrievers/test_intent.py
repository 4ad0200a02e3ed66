"""What the visitor came near to taking, with weights and histories worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.retrievers.intent import Intent, Settings
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.types import Queries
from tests.shops import dataset, queries

VIEW, CART = kind("view"), kind("add_to_cart")


@pytest.fixture
def log(tmp_path: Path) -> Dataset:
    """A view says 0.1, a cart 0.5."""
    weights = np.zeros(len(EVENT_TYPES), np.float32)
    weights[[VIEW, CART]] = 0.1, 0.5
    return replace(dataset(tmp_path, [1], [0]), kind_weights=weights)


def asked(*events: tuple[int, int]) -> Queries:
    """A visitor who did these things (item, kind), oldest first."""
    items, kinds = zip(*events, strict=True)
    found = queries(items)
    return replace(found, history=replace(found.history, kinds=np.array(kinds, np.int8)))


def fitted(log: Dataset, recency: float = 0.9) -> Intent:
    return Intent.fit(Settings(recency=recency), log, None, Run())


def items(model: Intent, *events: tuple[int, int]) -> Sequence[int]:
    found: list[int] = model.retrieve(asked(*events), 10).item.tolist()
    return found


def test_the_cart_comes_before_what_was_viewed_later(log: Dataset) -> None:
    assert items(fitted(log), (3, VIEW), (1, CART), (2, VIEW), (0, VIEW)) == [1, 0, 2, 3]


def test_an_old_cart_gives_way_to_new_views(log: Dataset) -> None:
    """Two events on, 0.5 × 0.4² = 0.08 is less than 0.1."""
    assert items(fitted(log, recency=0.4), (1, CART), (2, VIEW), (0, VIEW)) == [0, 1, 2]


def test_an_item_stands_once_by_its_strongest_event(log: Dataset) -> None:
    model = fitted(log)
    lists = model.retrieve(asked((1, CART), (2, CART), (1, VIEW)), 10)
    assert lists.item.tolist() == [2, 1]
    assert np.exp(lists.score) == pytest.approx([0.5 * 0.9, 0.5 * 0.9**2])


def test_what_says_nothing_is_not_offered(log: Dataset) -> None:
    assert items(fitted(log), (1, kind("click")), (2, VIEW)) == [2]


def test_a_long_history_keeps_its_order(log: Dataset) -> None:
    """0.9 ^ 1999 is no number that a float of 32 bits could hold."""
    long = [(item, VIEW) for item in range(2_000)]
    found = fitted(log).retrieve(asked(*long), 2_000).item
    assert found.tolist() == list(range(2_000))[::-1]
