"""Folders, patterns, storage in a cloud, and databases."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pytest

from endcap.cli.app import run
from endcap.errors import SourceError
from endcap.importing.database import Position, _last, _positions, _read
from endcap.importing.places import expand
from endcap.sources import import_file
from tests.sources.samples import DATA, take

LOG = "user_id,item_id,event_type,timestamp\nu{0},i{0},view,170000000{0}\n"


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/shop", recursive=True)


def test_a_folder_and_a_pattern(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs, shop = tmp_path / "logs", tmp_path / "logs" / "shop"
    (logs / "day=1").mkdir(parents=True)
    for number, name in enumerate(("b.csv", "a.csv", "day=1/c.csv", ".hidden", "_SUCCESS")):
        (logs / name).write_text(LOG.format(number))
    assert run(["import", str(logs), "--shop", str(shop), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(one["path"]).name for one in files] == ["a.csv", "b.csv", "c.csv"]
    # A second time, and what Endcap itself stored below the folder is left out.
    assert run(["import", str(logs), "--shop", str(shop), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [(one["kept"], one["duplicates"]) for one in files] == [(0, 1)] * 3
    assert [Path(one).name for one in expand(f"{logs}/**/*.csv", shop)] == [
        *("a.csv", "b.csv", "c.csv"),
    ]


def test_storage_in_a_cloud(tmp_path: Path, memory: Any) -> None:
    for number in range(2):
        memory.pipe(f"/shop/logs/{number}.csv", LOG.format(number).encode())
    names = ["memory://shop/logs/0.csv", "memory://shop/logs/1.csv"]
    assert expand("memory://shop/logs", tmp_path) == names
    assert expand("memory://shop/logs/*.csv", tmp_path) == names
    assert expand(names[0], tmp_path) == names[:1]
    (found,) = import_file(tmp_path / "tables", names[0])
    assert (found.origin.path, found.origin.format, found.kept) == (names[0], "plain", 1)
    (again,) = import_file(tmp_path / "tables", names[0])
    assert (again.kept, again.duplicates) == (0, 1)


def test_storage_says_what_is_wrong(tmp_path: Path, memory: Any) -> None:
    memory.pipe("/shop/empty.csv", b"user_id,item_id\n")
    with pytest.raises(SourceError, match=r"memory://shop/empty\.csv holds no rows"):
        import_file(tmp_path / "tables", "memory://shop/empty.csv")
    with pytest.raises(SourceError, match=r"memory://shop/none\.csv cannot be read"):
        import_file(tmp_path / "tables", "memory://shop/none.csv")
    with pytest.raises(SourceError, match="cannot be read: Protocol not known: nowhere"):
        expand("nowhere://shop", tmp_path)


def test_storage_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(SourceError, match=r"endcap\[cloud\]"):
        expand("gs://shop/logs", tmp_path)


def fill(path: Path, *rows: tuple[Any, ...]) -> str:
    with sqlite3.connect(path) as base:
        base.execute(
            "CREATE TABLE IF NOT EXISTS orders "
            "(id INTEGER PRIMARY KEY, customer_id TEXT, sku TEXT, order_date TEXT, qty REAL)"
        )
        base.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
    base.close()
    return f"sqlite:///{path}?table=orders"


def test_a_database_is_imported_by_its_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = fill(tmp_path / "shop.db", (1, "u1", "红裙", "2023-11-14 22:13:20", 2))
    assert run(["import", address, "--shop", str(tmp_path / "shop"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["kept"] == 1


def test_a_database_gives_what_is_new(tmp_path: Path) -> None:
    base, day = tmp_path / "shop.db", "2023-11-14 22:13:2"
    address = fill(base, (1, "u1", "红裙", day + "0", 2), (2, None, "b", day + "1", 1))
    assert take_database(tmp_path, address) == (1, 0, {"missing_user_id": 1})
    fill(base, (3, "u2", "c", day + "3", None), (4, "u2", "c", "soon", None))
    # The last row is read again.
    assert take_database(tmp_path, address) == (
        *(1, 0),
        {"missing_user_id": 1, "unreadable_timestamp": 1},
    )
    fill(base, (5, "u2", "d", day + "5", None))
    assert take_database(tmp_path, address) == (1, 0, {"unreadable_timestamp": 1})
    assert take_database(tmp_path, address) == (0, 1, {})


def take_database(folder: Path, address: str) -> tuple[int, int, dict[str, int]]:
    (found,) = import_file(folder / "tables", address)
    assert found.origin.format == "plain"
    return found.kept, found.duplicates, dict(found.dropped)


def test_a_dry_run_does_not_move_the_cursor(tmp_path: Path) -> None:
    address = fill(tmp_path / "a.db", (1, "u", "i", "2023-11-14", 1))
    (found,) = import_file(tmp_path / "tables", address, dry_run=True)
    assert found.kept == 1
    assert not (tmp_path / "tables" / "cursors.json").exists()


@pytest.mark.parametrize(
    "newest",
    [7, 0.5, "k7", Decimal("7.50"), date(2023, 11, 14), datetime(2023, 11, 14, 22, 13, tzinfo=UTC)],
)
def test_a_cursor_is_asked_for_as_what_it_was(tmp_path: Path, newest: Any) -> None:
    Position("orders", newest).remember(tmp_path)
    found = _read(_positions(tmp_path)["orders"])
    assert (found, type(found)) == (newest, type(newest))


def test_rows_without_a_cursor_may_stand_last() -> None:
    assert _last([(1, "a"), (2, "b"), (None, "c")], 0, None) == 2
    assert _last([(None, "d")], 0, 2) == 2


def test_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    address = fill(tmp_path / "shop.db")
    with pytest.raises(SourceError, match=r"no table 'sales'.*one of orders"):
        import_file(tmp_path / "t", address.replace("=orders", "=sales"))
    with pytest.raises(SourceError, match=r"orders has no column .when.\. Expected one of"):
        import_file(tmp_path / "t", f"{address}&cursor=when")
    with pytest.raises(SourceError, match=r"no file .*none\.db"):
        import_file(tmp_path / "t", address.replace("shop.db", "none.db"))
    with pytest.raises(SourceError, match=r"oracle://me:\*\*\*@host/shop needs the driver"):
        import_file(tmp_path / "t", "oracle://me:secret@host/shop?table=orders")
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(SourceError, match="file is not a database"):
        import_file(tmp_path / "t", f"sqlite:///{tmp_path}/text.db?table=orders")


def test_samples_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "feed").write_bytes(gzip.compress((DATA / "merchant.xml").read_bytes()))
    (tmp_path / "calls").write_bytes(gzip.compress((DATA / "segment_batch.json").read_bytes()))
    assert take(tmp_path, tmp_path / "feed").counts("items")[0] == 2
    assert take(tmp_path, tmp_path / "calls").counts("events")[0] == 3
