from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from endcap.config import Shop
from endcap.store.compact import into_tables
from endcap.store.events import LiveEvents
from endcap.store.visitors import Visitors
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from endcap.types import History
from tests.tables.raw_shop import DAY, START, event, raw_shop

LOG = [event("ann", "pear"), event("ann", "fig", 1), event("bob", "fig", 2), event("bob", "nut", 3)]
LOG += [event(f"user-{n}", "pear", n / 10) for n in range(30)]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = raw_shop(tmp_path_factory.mktemp("shop"), LOG)
    prepare(made)
    return made.folder


@pytest.fixture
def shop(
    original: Path, tmp_path: Path, where: Path | str, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    if isinstance(where, str):
        monkeypatch.setenv("ENDCAP_DATABASE_URL", where)
    return Shop.open(shutil.copytree(original, tmp_path / "shop"))


@pytest.fixture
def live(shop: Shop) -> Iterator[LiveEvents]:
    opened = LiveEvents.open(shop.live)
    yield opened
    opened.close()


def visitors(shop: Shop, live: LiveEvents, catalogue: Catalogue | None = None) -> Visitors:
    dataset = Dataset.load(prepared(shop))
    return Visitors(dataset, catalogue or dataset.catalogue, live, shop.config.events)


def named(history: History, catalogue: Catalogue) -> list[str]:
    return [catalogue.ids[code] for code in history.items]


def test_live_events_follow_the_prepared_ones(shop: Shop, live: LiveEvents) -> None:
    known = visitors(shop, live)
    live.append([event("ann", "nut", 9), event("ann", "unheard of", 9), event("cem", "fig", 9)])
    assert named(known.history("ann"), known.catalogue) == ["pear", "fig", "nut"]
    assert named(known.history("cem"), known.catalogue) == ["fig"]
    assert named(known.history(None), known.catalogue) == []
    assert known.code("cem") == 0 < known.code("ann")


def test_an_event_that_was_prepared_since_counts_once(shop: Shop, live: LiveEvents) -> None:
    live.append([event("ann", "nut", 9), event("cem", "fig", 9)])
    assert into_tables(shop) == 2
    prepare(shop)
    known = visitors(shop, live)
    assert known.dataset is not None
    assert len(known.dataset) == len(LOG) + 2
    assert named(known.history("ann"), known.catalogue) == ["pear", "fig", "nut"]
    assert named(known.history("cem"), known.catalogue) == ["fig"]
    live.append([event("ann", "nut", 10)])
    assert named(known.history("ann"), known.catalogue) == ["pear", "fig", "nut", "nut"]


def test_events_that_come_late_take_their_place_in_time(shop: Shop, live: LiveEvents) -> None:
    known = visitors(shop, live)
    live.append([event("ann", "nut", 0.5)])
    history = known.history("ann")
    assert named(history, known.catalogue) == ["pear", "nut", "fig"]
    assert history.times.tolist() == [START, START + DAY // 2, START + DAY]


def test_only_the_newest_and_only_types_in_use(shop: Shop, live: LiveEvents) -> None:
    few = Shop.open(shop.folder, ["events.history = 2"])
    known = visitors(few, live)
    live.append([event("ann", "nut", 9), event("ann", "pear", 10, event_type="impression")])
    assert named(known.history("ann"), known.catalogue) == ["fig", "nut"]


def test_codes_are_those_of_the_catalogue(shop: Shop, live: LiveEvents) -> None:
    """A release may be older than the tables, and know other items in another order."""
    table = Dataset.load(prepared(shop)).catalogue.table
    order = [row for row in range(table.num_rows) if table["item_id"][row].as_py() != "fig"][::-1]
    known = visitors(shop, live, Catalogue(table.take(order), table.select([]).take([])))
    assert named(known.history("bob"), known.catalogue) == ["nut"]


def test_without_a_dataset_there_are_live_events(shop: Shop, live: LiveEvents) -> None:
    catalogue = Dataset.load(prepared(shop)).catalogue
    known = Visitors(None, catalogue, live, shop.config.events)
    live.append([event("ann", "nut", 9)])
    assert named(known.history("ann"), catalogue) == ["nut"]
    assert known.code("ann") == 0
