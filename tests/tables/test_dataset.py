"""What was known before a moment, and what is asked about it, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import StateError
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import kind
from endcap.types import Ragged
from tests.shops import DAY, START, catalogue, checkerboard, dataset

BUY, VIEW = kind("purchase"), kind("view")
PAST, RANKER, VALIDATION, TEST = Part.PAST, Part.RANKER, Part.VALIDATION, Part.TEST


def rows(ragged: Ragged) -> list[list[int]]:
    return [ragged[row].tolist() for row in range(len(ragged))]


@pytest.fixture
def shop(tmp_path: Path) -> Dataset:
    """
    day        0        1        2         3 (VALIDATION)    4 (TEST)
    user 1     buys 0   buys 1   views 2   buys 0 and 3      views 1, then buys 1
    user 2     buys 2            buys 2    views 3           buys 2
    user 3                                                   buys 3 and 0, an hour later 3
    """
    events = [
        (1, 0, BUY, 0.0, PAST),
        (1, 1, BUY, 1.0, PAST),
        (1, 2, VIEW, 2.0, PAST),
        (1, 3, BUY, 3.0, VALIDATION),
        (1, 0, BUY, 3.0, VALIDATION),
        (1, 1, VIEW, 4.0, TEST),
        (1, 1, BUY, 4.5, TEST),
        (2, 2, BUY, 0.0, PAST),
        (2, 2, BUY, 2.0, PAST),
        (2, 3, VIEW, 3.0, VALIDATION),
        (2, 2, BUY, 4.0, TEST),
        (3, 3, BUY, 4.0, TEST),
        (3, 0, BUY, 4.0, TEST),
        (3, 3, BUY, 4.0 + 1 / 24, TEST),
    ]
    users, items, kinds, days, parts = zip(*events, strict=True)
    times = [round(day * DAY) for day in days]
    return dataset(tmp_path, users, items, kinds=kinds, times=times, parts=parts, history=3)


def days(asked: Asked) -> list[float]:
    return [round((time - START) / DAY, 2) for time in asked.queries.times]


def test_before_a_part_nothing_of_it_is_known(shop: Dataset) -> None:
    assert len(shop.before(Part.LIVE)) == 14
    assert len(shop.before(TEST)) == 8
    assert len(shop.before(VALIDATION)) == 5
    assert shop.before(VALIDATION).item.tolist() == [0, 1, 2, 2, 2]
    assert shop.before(VALIDATION).end == START + 2 * DAY + 1
    assert shop.before(TEST).before(VALIDATION).item.tolist() == [0, 1, 2, 2, 2]


def test_what_was_known_is_worked_out_once(shop: Dataset) -> None:
    assert shop.before(TEST) is shop.before(TEST)
    assert replace(shop, kind=shop.kind).before(TEST) is not shop.before(TEST)


def test_features_are_those_of_the_moment(shop: Dataset) -> None:
    counts = [shop.before(part).catalogue.feature("events").tolist() for part in (VALIDATION, TEST)]
    assert counts[0] == pytest.approx([1 / 3, 1 / 3, 1, 0])
    assert counts[1] == pytest.approx([2 / 3, 1 / 3, 1, 2 / 3])


def test_what_follows_a_question_goes_on_to_the_end_of_its_part(shop: Dataset) -> None:
    validation, test = shop.asked(VALIDATION).after, shop.asked(TEST).after
    assert [sorted(row) for row in rows(validation.ragged())] == [[0, 3]]
    assert [sorted(row) for row in rows(test.ragged())] == [[1], [2], [0, 3, 3], [3]]
    assert set(test.kinds.tolist()) == {BUY}


def test_in_time_a_question_is_a_visitor_at_a_moment(shop: Dataset) -> None:
    asked = shop.asked(TEST)
    assert asked.queries.users.tolist() == [1, 2, 3, 3]
    assert days(asked) == [4.5, 4.0, 4.0, 4.04]
    assert rows(asked.truth) == [[1], [2], [0, 3], [3]]
    assert asked.again.tolist() == [False, True, False, False, True]


def test_a_question_sees_what_came_before_it_and_no_more(shop: Dataset) -> None:
    """The newest three events, those of the same part too, but none of the same moment."""
    asked = shop.asked(TEST)
    assert rows(asked.queries.history.ragged()) == [[3, 0, 1], [2, 2, 3], [], [3, 0]]
    assert asked.queries.history.kinds.tolist() == [BUY, BUY, VIEW, BUY, BUY, VIEW, BUY, BUY]
    assert rows(shop.asked(VALIDATION).queries.history.ragged()) == [[0, 1, 2]]


def test_whoever_took_nothing_is_not_asked(shop: Dataset) -> None:
    asked = shop.asked(VALIDATION)
    assert asked.queries.users.tolist() == [1]
    assert rows(asked.truth) == [[0, 3]]
    assert asked.again.tolist() == [True, False]
    assert len(shop.asked(RANKER)) == 0
    assert (shop.has(TEST), shop.has(RANKER)) == (True, False)


def test_a_scope_keeps_the_answers_that_count(shop: Dataset) -> None:
    asked = shop.asked(TEST)
    new, again = asked.scope("new"), asked.scope("again")
    assert rows(new.truth) == [[1], [0, 3]]
    assert new.queries.users.tolist() == [1, 3]
    assert rows(again.truth) == [[2], [3]]
    assert rows(again.queries.history.ragged()) == [[2, 2, 3], [3, 0]]
    assert asked.scope("all") is asked


HOUR = 1 / 24


@pytest.fixture
def visits(tmp_path: Path) -> Dataset:
    """
    hour     0 (PAST)         24 (VALIDATION)                            48 (TEST)
    user 1   views 0, buys 1  views 2, after 6 min. buys 2, 12 min. 0    views 3, buys 3
    user 2                    at 47.9 views 4                            buys 4, at 50 buys 5
    """
    events = [
        (1, 0, VIEW, 0.0, PAST),
        (1, 1, BUY, 0.1, PAST),
        (1, 2, VIEW, 24.0, VALIDATION),
        (1, 2, BUY, 24.1, VALIDATION),
        (1, 0, BUY, 24.2, VALIDATION),
        (1, 3, VIEW, 48.0, TEST),
        (1, 3, BUY, 48.1, TEST),
        (2, 4, VIEW, 47.9, VALIDATION),
        (2, 4, BUY, 48.1, TEST),
        (2, 5, BUY, 50.0, TEST),
    ]
    users, items, kinds, hours, parts = zip(*events, strict=True)
    times = [round(hour * HOUR * DAY) for hour in hours]
    return dataset(tmp_path, users, items, kinds=kinds, times=times, parts=parts)


def test_a_session_is_asked_about_as_it_begins(visits: Dataset) -> None:
    """For all that is taken in it, before anything of it is known."""
    asked = visits.asked(VALIDATION, "session")
    assert asked.queries.users.tolist() == [1]
    assert days(asked) == [1.0]
    assert rows(asked.truth) == [[0, 2]]
    assert rows(asked.queries.history.ragged()) == [[0, 1]]


def test_a_session_that_began_before_the_part_is_not_asked_about(visits: Dataset) -> None:
    """What was known before the part holds its first events, so its start can't be asked at."""
    asked = visits.asked(TEST, "session")
    assert asked.queries.users.tolist() == [1, 2]
    assert rows(asked.truth) == [[3], [5]]
    assert rows(asked.queries.history.ragged()) == [[0, 1, 2, 2, 0], [4, 4]]


def test_a_session_that_goes_on_after_the_part_answers_with_nothing_of_later(
    visits: Dataset,
) -> None:
    part = np.where(visits.time - START == round(24.2 * HOUR * DAY), TEST, visits.part)
    asked = replace(visits, part=part.astype(np.int8)).asked(VALIDATION, "session")
    assert rows(asked.truth) == [[2]]


def test_fresh_is_what_no_earlier_event_was_on(visits: Dataset) -> None:
    assert rows(visits.asked(VALIDATION).scope("new").truth) == [[2], [0]]
    assert len(visits.asked(VALIDATION).scope("fresh")) == 0
    asked = visits.asked(VALIDATION, "session").scope("fresh")
    assert rows(asked.truth) == [[2]]
    assert asked.again.tolist() == [False]


def test_a_sample_keeps_questions_and_answers_together(shop: Dataset) -> None:
    asked = shop.asked(TEST)
    some = asked.sample(2, seed=1)
    assert len(some) == len(some.truth) == 2
    assert len(some.again) == len(some.truth.values)
    assert rows(some.truth) == rows(asked.sample(2, seed=1).truth)
    assert asked.sample(4, seed=1) is asked


def test_no_more_is_asked_than_wanted(shop: Dataset) -> None:
    few = replace(shop, meaning=replace(shop.meaning, max_queries=2))
    assert len(few.asked(TEST)) == 2
    assert days(few.asked(TEST)) == days(few.asked(TEST))


def test_what_visitors_may_want_now(shop: Dataset) -> None:
    now = shop.now(np.array([2, 0, 1], np.int32))
    assert rows(now.history.ragged()) == [[2, 3, 2], [], [0, 1, 1]]
    assert now.times.tolist() == [shop.end] * 3
    then = shop.before(VALIDATION).now(np.array([1, 3], np.int32))
    assert rows(then.history.ragged()) == [[0, 1, 2], []]


def test_users_by_their_ids(shop: Dataset) -> None:
    assert shop.user_codes(["u3", "stranger", "u1", ""]).tolist() == [3, 0, 1, 0]
    assert shop.users == ("", "u1", "u2", "u3")


@pytest.fixture
def held_out(tmp_path: Path) -> Dataset:
    """User 1 did 0, 1, 2, 0, 4; user 2 did 3, 1; user 3 only 2. Views count like purchases."""
    return dataset(
        tmp_path,
        users=[1, 1, 1, 1, 1, 2, 2, 3],
        items=[0, 1, 2, 0, 4, 3, 1, 2],
        kinds=[BUY, VIEW, BUY, VIEW, BUY, BUY, VIEW, BUY],
        parts=[PAST, PAST, RANKER, VALIDATION, TEST, PAST, TEST, PAST],
        protocol="leave-one-out",
        targets=(BUY, VIEW),
    )


def test_one_is_left_out_of_each(held_out: Dataset) -> None:
    asked = held_out.asked(TEST)
    assert asked.queries.users.tolist() == [1, 2]
    assert rows(asked.truth) == [[4], [1]]
    assert rows(asked.queries.history.ragged()) == [[0, 1, 2, 0], [3]]
    assert rows(held_out.asked(VALIDATION).truth) == [[0]]
    assert held_out.asked(VALIDATION).again.tolist() == [True]
    assert held_out.before(TEST).item.tolist() == [0, 1, 2, 0, 3, 2]


def test_left_out_events_are_asked_for_right_after_what_came_before(held_out: Dataset) -> None:
    """The time of the target itself would tell something of it."""
    asked = held_out.asked(TEST)
    assert days(asked) == [3.0, 5.0]
    assert asked.queries.times[0] == START + 3 * DAY + 1
    now = held_out.before(TEST).now(np.array([1, 2, 3], np.int32))
    assert now.times[:2].tolist() == asked.queries.times.tolist()


def test_what_others_did_since_the_part_began_is_known_in_time_only(
    shop: Dataset, held_out: Dataset
) -> None:
    log, held = shop.asked(TEST).queries.log, held_out.asked(TEST).queries.log
    assert log is not None
    assert held is not None
    assert sum(map(len, log())) == len(shop)
    assert [one.items.tolist() for one in held()] == [held_out.before(TEST).item.tolist()]


def test_the_log_reaches_as_far_back_as_a_window(tmp_path: Path) -> None:
    """From the first question, or from the end where nothing is asked."""
    days = [0, 20, 49, 60, 80]
    parts = [PAST, PAST, PAST, RANKER, TEST]
    times = [day * DAY for day in days]
    shop = dataset(tmp_path, [1] * 5, [0, 1, 2, 3, 4], times=times, parts=parts)
    for known, items in ((shop, [2, 3, 4]), (shop.before(RANKER), [1, 2])):
        assert [one.items.tolist() for one in known.log()] == [items]


def test_the_checkerboard_asks_everyone_once_under_both_protocols(tmp_path: Path) -> None:
    in_time = checkerboard(tmp_path / "time").asked(TEST)
    last = checkerboard(tmp_path / "last", "leave-one-out").asked(TEST)
    assert rows(in_time.truth) == rows(last.truth)
    assert rows(in_time.queries.history.ragged()) == rows(last.queries.history.ragged())
    assert not in_time.again.any()


Event = tuple[int, int, int, int]


def happening(first: int, last: int) -> st.SearchStrategy[Event]:
    """A user, an item, a kind and a time."""
    kinds = st.sampled_from([BUY, VIEW])
    return st.tuples(st.integers(1, 3), st.integers(0, 4), kinds, st.integers(first, last))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random")


@given(st.lists(happening(0, 9), min_size=1, max_size=25), st.data())
def test_what_comes_later_changes_no_question(
    folder: Path, events: list[Event], data: st.DataObject
) -> None:
    """Whatever happens from the moment of a question on, the question stays as it is."""

    def made(rows: list[Event]) -> Dataset:
        users, items, kinds, hours = zip(*rows, strict=True)
        parts = [TEST if hour >= 5 else PAST for hour in hours]
        columns: dict[str, Any] = {"kinds": kinds, "times": hours, "parts": parts}
        return dataset(folder, users, items, **columns, goods=catalogue(5))

    asked = made(events).asked(TEST)
    for row in range(len(asked)):
        moment, user = int(asked.queries.times[row]) - START, int(asked.queries.users[row])
        past = [one for one in events if one[3] < moment]
        later = data.draw(st.lists(happening(moment + 1, 20), max_size=5))
        other = made([*past, (user, 4, BUY, moment), *later]).asked(TEST)
        same = np.flatnonzero(
            (other.queries.times == asked.queries.times[row]) & (other.queries.users == user)
        )
        ours, theirs = (
            one.queries.history for one in (asked.take(np.array([row])), other.take(same))
        )
        for name in ("items", "kinds", "times", "offsets"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_a_folder_without_tables_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="endcap prepare"):
        Dataset.load(tmp_path)
