"""What all visitors did, up to now: prepared events, then live ones, each once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from endcap.config import Events
from endcap.store.events import LiveEvents, Row
from endcap.store.log import SHARE
from endcap.store.visitors import Visitors
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.scene import LONGEST
from tests.shops import DAY, START, catalogue, dataset

END = START + 40 * DAY + 1
"""Right after the newest prepared event."""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveEvents]:
    events = LiveEvents.open(tmp_path / "live.sqlite")
    yield events
    events.close()


@pytest.fixture
def known(tmp_path: Path) -> Dataset:
    """Purchases of items 0, 1, 2 and 0, the first of them too old to matter."""
    return dataset(
        tmp_path / "shop",
        users=[1, 1, 2, 2],
        items=[0, 1, 2, 0],
        times=[0, 20 * DAY, 30 * DAY, 40 * DAY],
        goods=catalogue(3),
    )


def event(item: str, time: int, event_type: str = "purchase") -> Row:
    id_ = f"{item}-{time}-{event_type}"
    row = {"event_id": id_, "event_type": event_type, "user_id": "u", "item_id": item}
    return {**row, "timestamp": time}


def happens(live: LiveEvents, item: str, time: int, event_type: str = "purchase") -> None:
    assert live.append([event(item, time, event_type)]) == (1, 0)


def seen(visitors: Visitors) -> list[tuple[int, int]]:
    """(item, days after START), sorted."""
    rows = [
        (item, (time - START) // DAY)
        for stretch in visitors.log()
        for item, time in zip(stretch.items.tolist(), stretch.times.tolist(), strict=True)
    ]
    return sorted(rows)


def test_prepared_events_as_far_back_as_a_window_reaches(known: Dataset, live: LiveEvents) -> None:
    visitors = Visitors(known, known.catalogue, live, Events())
    assert LONGEST == 30 * DAY
    assert seen(visitors) == [(0, 40), (1, 20), (2, 30)]


def test_live_events_as_they_come(known: Dataset, live: LiveEvents) -> None:
    """Those that were before the end of the prepared ones are known already."""
    visitors = Visitors(known, known.catalogue, live, Events())
    before = seen(visitors)
    happens(live, "i0", START + 40 * DAY)
    happens(live, "i1", END)
    happens(live, "i2", START + 43 * DAY)
    happens(live, "i2", START + 44 * DAY, "refund")
    assert seen(visitors) == sorted([*before, (1, 40), (2, 43)])
    happens(live, "i0", START + 42 * DAY)
    assert seen(visitors) == sorted([*before, (1, 40), (2, 43), (0, 42)])
    assert seen(Visitors(known, known.catalogue, live, Events())) == seen(visitors)


def test_without_prepared_events_there_are_the_live_ones(live: LiveEvents) -> None:
    visitors = Visitors(None, catalogue(2), live, Events())
    assert seen(visitors) == []
    happens(live, "i1", START + DAY)
    assert seen(visitors) == [(1, 1)]


def test_an_event_waits_for_its_item(known: Dataset, live: LiveEvents) -> None:
    """A release that knows items 2 and 0 only, in that order; item 1 comes, and one more."""
    own = catalogue(3).some([2, 0])
    visitors = Visitors(known, Overlay.over(own), live, Events())
    happens(live, "new", START + 41 * DAY)
    assert seen(visitors) == [(0, 30), (1, 40)]
    goods = Overlay.over(own).changed([{"item_id": "i1", "gone": False}])
    visitors = visitors.over(goods)
    assert seen(visitors) == [(0, 30), (1, 40), (2, 20)]
    goods = goods.changed([{"item_id": "new", "gone": False}])
    visitors = visitors.over(goods)
    happens(live, "new", START + 42 * DAY)
    assert seen(visitors) == [(0, 30), (1, 40), (2, 20), (3, 41), (3, 42)]


def test_items_that_never_come_are_forgotten(
    live: LiveEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endcap.store.log.WAITING", 2)
    goods = Overlay.over(catalogue(1))
    visitors = Visitors(None, goods, live, Events())
    live.append([event(name, START) for name in ("a", "b", "c", "b")])
    live.append([event(name, START + DAY) for name in ("b", "i0")])
    assert seen(visitors) == [(0, 1)]
    came = [{"item_id": name, "gone": False} for name in ("a", "b", "c")]
    assert seen(visitors.over(goods.changed(came))) == [(0, 1), (2, 0), (2, 1), (3, 0)]


def test_there_are_few_stretches_however_many_events_come(live: LiveEvents) -> None:
    visitors = Visitors(None, catalogue(2), live, Events())
    for number in range(30):
        rows = [event("i0", START + number * DAY + place) for place in range(1 + number % 4)]
        live.append(rows)
        lengths = [len(stretch) for stretch in visitors.log()]
        assert sum(lengths) == (number // 4 * 10) + sum(range(1, 2 + number % 4))
        assert all(old > SHARE * new for old, new in pairwise(lengths[1:]))
    assert len(visitors.log()) <= 3


def test_a_store_that_is_away_leaves_what_is_known(
    known: Dataset, live: LiveEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors = Visitors(known, known.catalogue, live, Events())
    happens(live, "i1", END)
    before = seen(visitors)
    happens(live, "i2", END)

    def broken(job: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    with monkeypatch.context() as patched:
        patched.setattr(live.database, "read", broken)
        assert seen(visitors) == before
    monkeypatch.setattr(live.database, "_rested", 0.0)  # or it is left alone for a while
    assert seen(visitors) == sorted([*before, (2, 40)])


def test_stretches_are_shared_by_later_states_of_the_catalogue(
    known: Dataset, live: LiveEvents
) -> None:
    visitors = Visitors(known, Overlay.over(known.catalogue), live, Events())
    (first, *_) = visitors.log()
    price = [{"item_id": "i0", "price": 3.0, "gone": False}]
    after = visitors.over(Overlay.over(known.catalogue).changed(price))
    assert after.log()[0] is first
    np.testing.assert_array_equal(first.items, [1, 2, 0])
