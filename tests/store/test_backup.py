from __future__ import annotations

import json
import shutil
import threading
from contextlib import closing
from pathlib import Path

import pytest

from endcap.config import Shop
from endcap.errors import StateError
from endcap.store.backup import backup, restore
from endcap.store.compact import into_tables
from endcap.store.copying import counts
from endcap.store.events import LiveEvents
from endcap.store.keys import Keys
from endcap.store.releases import Releases, checksum
from tests.store.test_events import event, past


@pytest.fixture
def shop(tmp_path: Path, where: Path | str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """With a release, live events of which some are in the tables, and a key."""
    if isinstance(where, str):
        monkeypatch.setenv("ENDCAP_DATABASE_URL", where)
    folder = tmp_path / "商店 1"
    folder.mkdir()
    (folder / "endcap.toml").write_text('name = "one"\n')
    made = Shop.open(folder)
    releases = Releases(made.releases)

    def fill(draft: Path) -> None:
        (draft / "array").write_bytes(b"1" * 999)

    releases.write("first", {}, fill)
    releases.promote("first")
    with closing(LiveEvents.open(made.live)) as live:
        live.append([event(1), event(2)])
        into_tables(made)
        live.append([event(3, context='{"页": 1}')])
        Keys(live.database).create("admin", "", "ann")
    return made


def events(shop: Shop) -> list[int]:
    with closing(LiveEvents.open(shop.live)) as live:
        return [seen.time for seen in past(live, "ann", ["view"], 99)]


def test_there_and_back(shop: Shop, tmp_path: Path) -> None:
    """What came after the backup is gone, and all goes on from there."""
    found = backup(shop, tmp_path / "saved")
    assert found["rows"] | {"store": 1} == found["rows"]
    assert (found["rows"]["events"], found["rows"]["keys"]) == (3, 1)
    with closing(LiveEvents.open(shop.live)) as live:
        live.append([event(n) for n in range(4, 30)])
    into_tables(shop)
    shutil.rmtree(shop.releases)
    with pytest.raises(StateError, match="has tables already"):
        restore(shop, tmp_path / "saved")
    restore(shop, tmp_path / "saved", force=True)
    assert events(shop) == [1, 2, 3]
    Releases(shop.releases).verify("first")
    assert Releases(shop.releases).live() == "first"
    with closing(LiveEvents.open(shop.live)) as live:
        assert live.append([event(3), event(4)]) == (1, 1)
        places = [one.place for one in live.after(0, ["view"], 9)]
        assert (places[:3], len(places)) == ([1, 2, 3], 4)
    assert into_tables(shop) == 2
    assert not list(shop.folder.glob(".restore*"))


def test_into_another_kind_of_database(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(shop, tmp_path / "saved")
    monkeypatch.delenv("ENDCAP_DATABASE_URL", raising=False)
    (tmp_path / "other").mkdir()
    other = Shop.open(tmp_path / "other")
    restore(other, tmp_path / "saved")
    assert events(other) == [1, 2, 3]
    assert Shop.open(tmp_path / "other").config.name == "one"
    assert into_tables(other) == 1  # it is the same store, so it knows what is in the tables


def test_a_backup_is_of_one_moment(shop: Shop, tmp_path: Path) -> None:
    """While events come and go to the tables, each is in the copy's store, or was not there."""
    done = threading.Event()

    def write() -> None:
        with closing(LiveEvents.open(shop.live)) as live:
            number = 10
            while not done.is_set():
                live.append([event(number)])
                number += 1

    writing = threading.Thread(target=write)
    writing.start()
    try:
        found = backup(shop, tmp_path / "saved")
    finally:
        done.set()
        writing.join()
    with closing(LiveEvents.open(tmp_path / "saved" / "store.sqlite")) as live:
        assert counts(live.database) == found["rows"]
        times = [seen.time for seen in past(live, "ann", ["view"], 10_000)]
    assert times == [1, 2, 3, *range(10, 10 + len(times) - 3)]


def test_a_damaged_backup_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    backup(shop, saved)
    (saved / "releases" / "first" / "array").write_bytes(b"2" * 999)
    with pytest.raises(StateError, match="is damaged: releases/first/array"):
        restore(shop, saved, force=True)
    assert events(shop) == [1, 2, 3]
    Releases(shop.releases).verify("first")
    with pytest.raises(StateError, match="is no backup"):
        restore(shop, tmp_path, force=True)
    with pytest.raises(StateError, match="There is something at"):
        backup(shop, saved)


def test_an_interrupted_backup_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    def interrupt(step: str, share: float) -> None:
        if share == 1.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(shop, tmp_path / "saved", interrupt)
    assert not list(tmp_path.glob("*saved*"))


def test_a_backup_that_names_files_elsewhere_is_refused(shop: Shop, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    backup(shop, saved)
    (tmp_path / "outside").write_text("x")
    manifest = json.loads((saved / "backup.json").read_text())
    manifest["files"]["../outside"] = checksum(tmp_path / "outside")
    (saved / "backup.json").write_text(json.dumps(manifest))
    with pytest.raises(StateError, match=r"is damaged: \.\./outside"):
        restore(shop, saved, force=True)


def test_a_restore_that_fails_leaves_no_copy(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(shop, tmp_path / "saved")
    monkeypatch.setattr("endcap.store.backup.copy", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        restore(shop, tmp_path / "saved", force=True)
    assert not list(shop.folder.glob(".restore*"))
    assert events(shop) == [1, 2, 3]
