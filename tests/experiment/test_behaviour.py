"""What an event of each type says, against logs whose conversions are counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.config import Config, Events
from endcap.experiment.behaviour import HORIZON, Conversion, conversions, weigh
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import kind
from tests.shops import DAY, dataset

VIEW, CART, BUY = kind("view"), kind("add_to_cart"), kind("purchase")

Event = tuple[int, int, int, float]

EVENTS: list[Event] = [
    (1, 0, VIEW, 0),  # taken on day 2
    (1, 1, VIEW, 1),  # never taken
    (1, 0, CART, 1.5),  # taken on day 2
    (1, 0, BUY, 2),
    (1, 0, VIEW, 3),  # taken before, not after
    (2, 0, VIEW, 0),  # taken by another visitor only
    (2, 2, CART, 1),  # taken, but 19 days later
    (2, 2, VIEW, 18),  # taken on day 20
    (2, 2, BUY, 20),
    (2, 2, VIEW, 30),  # too new to tell
    (2, 2, CART, 40),  # too new to tell
    (2, 1, BUY, 40),
]
"""(user, item, kind, day): of five views that are old enough two were taken, of two carts one."""


def shop(folder: Path, events: list[Event], parts: list[Part] | None = None) -> Dataset:
    users, items, kinds, days = zip(*events, strict=True)
    times = [round(day * DAY) for day in days]
    return dataset(folder, users, items, kinds=kinds, times=times, parts=parts)


@pytest.fixture
def log(tmp_path: Path) -> Dataset:
    return shop(tmp_path, EVENTS)


def test_conversions_are_those_of_the_same_visitor_and_item_in_time(log: Dataset) -> None:
    found = conversions(log, samples=100, seed=1)
    counts = {name: (one.events, one.taken) for name, one in found.items() if one.events}
    assert counts == {"view": (5, 2), "add_to_cart": (2, 1), "purchase": (2, 2)}
    assert found["view"].share == pytest.approx(2.5 / 6)
    assert found["view"].low < found["view"].share < found["view"].high


def test_a_target_says_1_and_of_what_never_happened_nothing_is_known(log: Dataset) -> None:
    found = conversions(log, samples=100, seed=1)
    assert found["purchase"] == Conversion(2, 2, 1.0, 1.0, 1.0)
    assert found["click"] == Conversion(0, 0, 0.5, 0.5, 0.5)


def test_a_short_log_leaves_each_event_half_of_its_span(tmp_path: Path) -> None:
    events: list[Event] = [(1, 0, VIEW, 0), (1, 0, BUY, 2), (1, 1, VIEW, 3), (1, 1, BUY, 4)]
    found = conversions(shop(tmp_path, events), samples=100, seed=1)
    assert 4 * DAY < HORIZON
    assert (found["view"].events, found["view"].taken) == (1, 1)


def test_intervals_are_those_of_visitors_not_of_events(tmp_path: Path) -> None:
    """Who views much says no more of the others than who views once."""
    many = [(user, item, VIEW, 0.0) for user in range(1, 21) for item in range(10)]
    bought = [(user, item, BUY, 1.0) for user in range(1, 11) for item in range(10)]
    end: list[Event] = [(21, 0, BUY, 60)]
    found = conversions(shop(tmp_path, many + bought + end), samples=1_000, seed=1)["view"]
    assert found.share == pytest.approx(0.5, abs=0.01)
    assert 0.35 < found.high - found.low < 0.5  # 20 visitors; 200 events would give 0.14


def test_nothing_of_the_rankers_part_or_later_counts(tmp_path: Path) -> None:
    later = [Part.RANKER, Part.VALIDATION, Part.TEST] * 2
    more: list[Event] = [(1, 1, BUY, 50), (2, 0, BUY, 51), (3, 2, CART, 52), (3, 2, BUY, 53)]
    more += [(4, 3, VIEW, 54), (4, 3, kind("click"), 55)]
    parts = [Part.PAST] * len(EVENTS) + later
    (config, data, figures), (_, other, others) = (
        weigh(Config(), one)
        for one in (
            shop(tmp_path / "now", EVENTS),
            shop(tmp_path / "later", EVENTS + more, parts),
        )
    )
    np.testing.assert_array_equal(data.kind_weights, other.kind_weights)
    assert figures == others
    assert config.events.weights["view"] == figures["view"]["learned"]["value"]


def test_models_and_the_configuration_have_the_weights(log: Dataset) -> None:
    config, data, figures = weigh(Config(), log)
    assert data.before(Part.TEST).weight[data.kind == VIEW] == pytest.approx(2.5 / 6)
    assert config.events.weights["add_to_cart"] == pytest.approx(0.5)
    assert set(config.events.weights) == {"view", "add_to_cart", "purchase"}
    assert {name: one["events"] for name, one in figures.items()} == {
        "view": 5,
        "add_to_cart": 2,
        "purchase": 2,
    }


def test_given_weights_stay(log: Dataset) -> None:
    given = Config(events=Events(weights={"view": 0.0, "purchase": 2.0}))
    config, data, figures = weigh(given, log)
    assert data.kind_weights[[VIEW, CART, BUY]] == pytest.approx([0, 0.5, 2])
    assert config.events.weights["view"] == figures["view"]["weight"] == 0
    assert figures["view"]["learned"]["value"] == pytest.approx(2.5 / 6)
    assert weigh(config, log)[0] == config


def test_where_all_types_are_targets_all_weigh_1(log: Dataset) -> None:
    all_ = replace(log, meaning=replace(log.meaning, targets=(VIEW, CART, BUY)))
    assert set(weigh(Config(), all_)[1].kind_weights.tolist()) == {1.0}


def test_an_empty_past_says_nothing(tmp_path: Path) -> None:
    data = shop(tmp_path, [(1, 0, VIEW, 0), (1, 0, BUY, 1)], [Part.TEST, Part.TEST])
    config, weighed, figures = weigh(Config(), data)
    assert (config, figures) == (Config(), {})
    assert set(weighed.kind_weights.tolist()) == {1.0}
