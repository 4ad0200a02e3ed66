from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from endcap.config import Shop, Store, alone
from endcap.errors import StateError
from endcap.store import compact as module
from endcap.store import retention
from endcap.store.answers import Answers
from endcap.store.compact import compact, into_tables, written
from endcap.store.events import OF_AN_ITEM, LiveEvents, events, impressions
from endcap.store.forgetting import erase
from endcap.store.people import People
from endcap.store.retention import let_go
from endcap.tables.schema import EVENTS, IMPRESSIONS
from endcap.types import DAY
from tests.store.test_events import event


def ids(tables: Path) -> list[str]:
    """The events in Parquet, in the order of their files."""
    files = sorted((tables / "events").glob("*.parquet"))
    return [id_ for file in files for id_ in pq.read_table(file)["event_id"].to_pylist()]


def test_what_is_new_is_added_to_the_tables(live: LiveEvents, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    assert compact(live.database, tables) == 0
    assert not list(tables.glob("*/*"))
    live.append([event(1, context='{"页": 1}', price=2.5), event(2, user="张三")])
    live.shown(lambda: [{"recommendation_id": "r", "items": [("甲", 1, 0.1, 0.5), ("b", 2, 0, 1)]}])
    live.database.write(lambda connection: None)
    assert compact(live.database, tables) == 4
    [file] = (tables / "events").iterdir()
    table = pq.read_table(file)
    assert table.schema.equals(EVENTS)
    assert table["user_id"].to_pylist() == ["ann", "张三"]
    assert table["context"].to_pylist() == ['{"页": 1}', None]
    [shown] = (tables / "impressions").iterdir()
    assert pq.read_schema(shown).equals(IMPRESSIONS)
    found = pq.read_table(shown).to_pylist()
    assert {row["recommendation_id"] for row in found} == {"r"}
    listed = [[row[name] for name in OF_AN_ITEM] for row in found]
    assert listed == [["甲", 1, 0.1, 0.5], ["b", 2, 0, 1]]
    before = file.stat().st_mtime_ns
    assert compact(live.database, tables) == 0
    assert file.stat().st_mtime_ns == before
    live.append([event(3)])
    assert compact(live.database, tables, fewest=2) == 0
    assert compact(live.database, tables) == 1
    assert ids(tables) == ["e1", "e2", "e3"]
    assert len(list((tables / "events").iterdir())) == 1


def test_a_large_file_is_followed_by_another(
    live: LiveEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE", 4)
    monkeypatch.setattr(module, "BATCH", 3)
    for number in range(12):
        live.append([event(number)])
        compact(live.database, tmp_path)
    assert ids(tmp_path) == [f"e{number}" for number in range(12)]
    assert [pq.read_metadata(file).num_rows for file in sorted(tmp_path.glob("events/*"))] == [
        4
    ] * 3


def test_an_answer_of_many_items_is_written_in_pieces(
    live: LiveEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    monkeypatch.setattr(module, "READ", 2)
    answers = [[(f"{n}-{place}", place, 0.5, 1) for place in range(1, n + 1)] for n in range(1, 6)]
    live.shown(lambda: [{"recommendation_id": f"r{len(own)}", "items": own} for own in answers])
    live.database.write(lambda connection: None)
    assert compact(live.database, tmp_path) == 15
    [file] = (tmp_path / "impressions").iterdir()
    assert file.name.endswith("_000000000001_000000000005.parquet"), "places are those of answers"
    shown = pq.read_table(file)["item_id"].to_pylist()
    assert shown == [one[0] for own in answers for one in own]


def test_an_interrupted_step_is_taken_again(
    live: LiveEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the longer file took its name, or before the shorter one was removed."""
    live.append([event(1), event(2)])
    compact(live.database, tmp_path)
    live.append([event(3)])
    with monkeypatch.context() as patch:
        patch.setattr(module, "_settle", lambda draft, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compact(live.database, tmp_path)
    assert ids(tmp_path) == ["e1", "e2"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compact(live.database, tmp_path)
    assert len(ids(tmp_path)) == 5
    live.append([event(4)])
    assert compact(live.database, tmp_path) == 1
    assert ids(tmp_path) == ["e1", "e2", "e3", "e4"]


def test_one_at_a_time(live: LiveEvents, tmp_path: Path) -> None:
    with alone(tmp_path, "compaction"), pytest.raises(StateError, match="is at work"):
        compact(live.database, tmp_path)


def test_the_files_of_another_store_are_left_alone(live: LiveEvents, tmp_path: Path) -> None:
    """Its places say nothing here."""
    with closing(LiveEvents.open(tmp_path / "other.sqlite")) as other:
        other.append([event(n) for n in range(20)])
        compact(other.database, tmp_path)
    live.append([event(30)])
    assert compact(live.database, tmp_path) == 1
    assert len(ids(tmp_path)) == 21


def test_no_store_nothing_to_write(tmp_path: Path) -> None:
    assert into_tables(Shop.open(tmp_path)) == 0
    assert not list(tmp_path.iterdir())


def test_what_is_written_and_old_is_let_go(
    live: LiveEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    settings, now = Store(keep_days=10, trace_days=1), 100 * DAY

    def kept() -> list[str]:
        with live.database.engine.connect() as connection:
            query = events.select().order_by(events.c.place)
            return [row.event_id for row in connection.execute(query)]

    live.append([event(n, timestamp=day * DAY) for n, day in enumerate((1, 2, 3, 95, 4, 99))])
    assert let_go(live.database, tmp_path, settings, now) == 0  # nothing is in Parquet yet
    compact(live.database, tmp_path)
    live.append([event(6, timestamp=5 * DAY)])
    assert let_go(live.database, tmp_path, settings, now) == 3
    assert kept() == ["e3", "e4", "e5", "e6"]  # the fourth is young, and came before the fifth
    assert let_go(live.database, tmp_path, settings, 150 * DAY) == 3
    assert kept() == ["e6"]  # it is not in Parquet
    compact(live.database, tmp_path)
    assert let_go(live.database, tmp_path, settings, 150 * DAY) == 1
    live.append([event(7, timestamp=149 * DAY)])  # its place is not that of a removed row
    assert compact(live.database, tmp_path) == 1
    assert ids(tmp_path) == [f"e{n}" for n in range(8)]
    assert written(live.database, tmp_path, impressions) == 0


def test_traces_of_old_answers_are_let_go(live: LiveEvents, tmp_path: Path) -> None:
    answers = Answers(live.database)
    for day in range(1, 8):
        row = {"recommendation_id": f"r{day}", "visitor": "ann", "timestamp": day * DAY}
        row |= {"release": "a", "path": "full", "question": "{}", "trace": {}}
        answers.keep(partial(list, [row]))
    live.database.write(lambda connection: None)
    assert let_go(live.database, tmp_path, Store(trace_days=2.5), 7 * DAY) == 4
    assert answers.find("r4") is None
    assert answers.find("r5") is not None


def test_who_is_forgotten_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    """What is said of people is read while nobody else is at the tables, not before."""
    shop = Shop.open(tmp_path)
    with closing(People.open(shop.live)) as people, ThreadPoolExecutor(1) as pool:
        people.put({"user_id": "ann", "attributes": None, "created_at": None})
        with alone(shop.tables, "compaction"):
            under_way = pool.submit(into_tables, shop)
            with pytest.raises(TimeoutError):
                under_way.result(1)
            erase(people.database.engine, ["ann"])
        under_way.result(30)
    assert not list(tmp_path.glob("tables/users/*.parquet"))
