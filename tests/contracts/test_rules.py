"""What every rule promises: see `Rule` in `endcap.stages`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.class_paths import load_stage, save_stage
from endcap.stages import Rule
from endcap.types import Queries, Ragged, Ranking
from tests.shops import queries, ranking

ITEMS = 20


@pytest.fixture
def asked() -> Queries:
    """Visitors with and without a past, two of them on a product's page, and seeds of chance."""
    plain = queries([0, 2, 4], [], [1], [7, 9])
    return replace(
        plain,
        anchors=Ragged.of([[2], [5], [], []]),
        exclude=Ragged.of([[6], [], [3], []]),
        seeds=np.arange(4),
    )


def everything(queries: Queries) -> Ranking:
    """All items for each query, as far as they may be answered."""
    lists = ranking(*[range(ITEMS)] * len(queries))
    return lists.keep(queries.permits(lists.query, lists.item))


def shown(rule: Rule[Any], asked: Queries) -> Ranking:
    """The rule before retrieval and after ranking."""
    restricted = rule.restrict(asked)
    return rule.apply(restricted, everything(restricted))


def scores(lists: Ranking) -> dict[tuple[int, int], float]:
    rows = zip(lists.query.tolist(), lists.item.tolist(), lists.score.tolist(), strict=True)
    return {(query, item): score for query, item, score in rows}


def test_a_restriction_only_ever_forbids(rule: Rule[Any], asked: Queries) -> None:
    restricted = rule.restrict(asked)
    lists = ranking(*[range(ITEMS)] * len(asked))
    before = asked.permits(lists.query, lists.item)
    after = restricted.permits(lists.query, lists.item)
    assert np.all(before | ~after)
    np.testing.assert_array_equal(restricted.users, asked.users)
    np.testing.assert_array_equal(restricted.times, asked.times)
    np.testing.assert_array_equal(restricted.history.items, asked.history.items)


def test_a_rule_adds_nothing_to_a_list(rule: Rule[Any], asked: Queries) -> None:
    lists = everything(asked)
    given = set(zip(lists.query.tolist(), lists.item.tolist(), strict=True))
    left = rule.apply(asked, lists)
    found = list(zip(left.query.tolist(), left.item.tolist(), strict=True))
    assert set(found) <= given
    assert len(set(found)) == len(found)
    assert np.all(np.diff(left.query) >= 0)
    assert scores(left).items() <= scores(lists).items()
    assert np.all((left.chances > 0) & (left.chances <= 1))


def test_a_weight_is_of_an_item_and_not_of_its_row(rule: Rule[Any], asked: Queries) -> None:
    lists = everything(asked)
    weights = rule.weigh(asked, lists)
    if weights is None:
        return
    assert weights.shape == lists.item.shape
    assert np.all(np.isfinite(weights) & (weights > 0))
    turned = rule.weigh(asked, lists.keep(np.arange(len(lists))[::-1]))
    assert turned is not None
    np.testing.assert_array_equal(turned[::-1], weights)


def test_what_it_wants_is_items_for_each_query(rule: Rule[Any], asked: Queries) -> None:
    wanted = rule.wants(asked)
    if wanted is not None:
        assert len(wanted) == len(asked)
        assert np.all((wanted.values >= 0) & (wanted.values < ITEMS))


def test_twice_is_as_good_as_once(rule: Rule[Any], asked: Queries) -> None:
    asked = replace(asked, seeds=None)  # what is drawn twice is not what is drawn once
    once = shown(rule, asked)
    twice = rule.apply(rule.restrict(rule.restrict(asked)), once)
    np.testing.assert_array_equal(twice.item, once.item)


def test_one_alone_is_shown_what_it_is_shown_among_many(rule: Rule[Any], asked: Queries) -> None:
    together = shown(rule, asked)
    for row in range(len(asked)):
        alone = shown(rule, asked.take(np.array([row])))
        np.testing.assert_array_equal(alone.item, together.of(row).item)


def test_what_is_loaded_decides_as_what_was_saved(
    rule: Rule[Any], asked: Queries, tmp_path: Path
) -> None:
    save_stage(rule, tmp_path)
    loaded: Rule[Any] = load_stage(Rule, tmp_path)
    np.testing.assert_array_equal(shown(loaded, asked).item, shown(rule, asked).item)


def test_no_question_is_no_error(rule: Rule[Any]) -> None:
    assert len(shown(rule, queries())) == 0
