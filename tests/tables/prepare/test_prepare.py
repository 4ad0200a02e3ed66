"""Prepared tables appear whole or not at all, and only when something has changed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from endcap.config import Shop
from endcap.errors import ConfigError, DataError, StateError
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from endcap.tables.schema import EVENTS
from tests.tables.raw_shop import event, goods, lively, raw_shop, write

COLUMNS = {
    "user": "int32",
    "item": "int32",
    "kind": "int8",
    "time": "int64",
    "part": "int8",
    "session": "int32",
    "price": "float",
    "value": "float",
}


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the report, which says how long it took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "report.json"
    }


@pytest.mark.parametrize("protocol", ["time", "leave-one-out"])
def test_the_folder_holds_what_the_dataset_reads(tmp_path: Path, protocol: str) -> None:
    shop = raw_shop(tmp_path, lively(), goods(), changes=[f"split.protocol={protocol}"])
    report = prepare(shop)
    folder = prepared(shop)
    events = pq.read_table(folder / "events.parquet")
    assert {field.name: str(field.type) for field in events.schema} == COLUMNS
    items = pq.read_schema(folder / "items.parquet")
    codes = ("category", "department", "brand_code")
    assert {str(items.field(name).type) for name in codes} == {"int32"}
    dataset = Dataset.load(folder)
    assert (len(dataset), len(dataset.users) - 1) == (report["events"], report["users"])
    assert dataset.meaning.fingerprint == folder.name == report["fingerprint"]
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "events.parquet",
        "items.parquet",
        "users.parquet",
        "features",
        "meaning.json",
        "report.json",
        "triples.parquet",
    }


def test_a_file_of_three_columns_is_enough(tmp_path: Path) -> None:
    rows = [event(f"u{n % 5}", f"i{n % 7}", n) for n in range(100)]
    write(tmp_path, "events", rows)
    path = next((tmp_path / "tables" / "events").iterdir())
    few = ["event_id", "event_type", "user_id", "item_id", "timestamp"]
    pq.write_table(pq.read_table(path, columns=few), path)
    report = prepare(raw_shop(tmp_path, []))
    assert (report["events"], report["users"], report["items"]) == (100, 5, 7)


def test_the_same_tables_are_not_prepared_again(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    steps: list[str] = []
    first = prepare(shop, lambda step, share: steps.append(step))
    folder = prepared(shop)
    assert steps[-1] == "Prepared"
    steps.clear()
    assert prepare(shop, lambda step, share: steps.append(step)) == first
    assert (steps, prepared(shop)) == ([], folder)


def test_a_copied_shop_is_prepared_already(tmp_path: Path) -> None:
    prepare(raw_shop(tmp_path / "one", lively(), goods()))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    steps: list[str] = []
    prepare(Shop.open(tmp_path / "two"), lambda step, share: steps.append(step))
    assert steps == []


def test_new_events_and_new_settings_make_new_tables_and_remove_the_old(tmp_path: Path) -> None:
    names = []
    for days in (14, 7):
        shop = raw_shop(tmp_path, [], changes=[f"split.test_days={days}"])
        for user in "uv":
            write(tmp_path, "events", [event(user, f"i{days}", n) for n in range(9)])
            prepare(shop)
            names.append(prepared(shop).name)
            assert [path.name for path in shop.prepared.iterdir() if path.is_dir()] == names[-1:]
    assert len(set(names)) == 4


def test_other_settings_change_nothing(tmp_path: Path) -> None:
    prepare(raw_shop(tmp_path, lively(), goods()))
    before = prepared(Shop.open(tmp_path))
    prepare(Shop.open(tmp_path, ["seed=7", "evaluate.samples=5", "events.weights.view=0.1"]))
    assert prepared(Shop.open(tmp_path)) == before


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    shops = [raw_shop(tmp_path / name, lively(), goods()) for name in ("one", "two")]
    for shop in shops:
        prepare(shop)
    assert contents(prepared(shops[0])) == contents(prepared(shops[1]))


@pytest.mark.parametrize(
    "moment", [2, *(pytest.param(one, marks=pytest.mark.slow) for one in (0, 5))]
)
def test_an_interrupted_run_leaves_the_former_tables_and_is_gone_on_with(
    tmp_path: Path, moment: int
) -> None:
    shop = raw_shop(tmp_path / "shop", lively(), goods())
    prepare(shop)
    former, before = prepared(shop), contents(prepared(shop))
    write(shop.folder, "events", [event("user-01", "item-03", 60.5)])
    steps: list[str] = []

    def interrupt(step: str, share: float) -> None:
        steps.append(step)
        if len(steps) > moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(shop, interrupt)
    assert (prepared(shop), contents(prepared(shop))) == (former, before)
    prepare(shop)
    assert prepared(shop) != former
    whole = raw_shop(tmp_path / "whole", [])
    shutil.copytree(shop.tables, whole.tables)
    prepare(whole)
    assert contents(prepared(shop)) == contents(prepared(whole))


@pytest.mark.parametrize("wait", [pytest.param(0.1, marks=pytest.mark.slow), 0.6])
def test_a_killed_run_leaves_the_former_tables(tmp_path: Path, wait: float) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    prepare(shop)
    former, before = prepared(shop), contents(prepared(shop))
    write(shop.folder, "events", [event("user-01", "item-03", 60.5)])
    code = (
        "from pathlib import Path; from endcap.config import Shop; "
        "from endcap.tables.prepare import prepare; "
        f"prepare(Shop.open(Path({str(tmp_path)!r})), lambda *_: print('at work', flush=True))"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)  # noqa: S603
    assert run.stdout is not None
    run.stdout.readline()
    time.sleep(wait)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    if prepared(shop) == former:
        assert contents(former) == before
    report = prepare(shop)
    assert report["events"] == len(lively()) + 1
    assert not list(shop.prepared.glob(".??*/"))


def test_ctrl_c_in_the_middle_of_a_query_is_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("endcap.tables.prepare.line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(raw_shop(tmp_path, lively()))


def test_only_one_is_at_work(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    prepare(shop)
    with (shop.prepared / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StateError, match="Another `endcap prepare` is at work"):
            prepare(shop)
    prepare(shop)


def test_nothing_imported(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="No events have been imported"):
        prepare(Shop.open(tmp_path))
    with pytest.raises(StateError, match="Run `endcap prepare` first"):
        prepared(Shop.open(tmp_path))


def test_an_empty_table_has_nothing_left(tmp_path: Path) -> None:
    folder = tmp_path / "tables" / "events"
    folder.mkdir(parents=True)
    pq.write_table(EVENTS.empty_table(), folder / "000001-none.parquet")
    with pytest.raises(StateError, match="The imported events have no rows"):
        prepare(Shop.open(tmp_path))


@pytest.mark.parametrize("damage", [b"no parquet", b""])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes) -> None:
    shop = raw_shop(tmp_path, lively())
    (shop.tables / "events" / "000002-bad.parquet").write_bytes(damage)
    with pytest.raises(DataError, match="000002-bad"):
        prepare(shop)


def test_a_file_cut_in_the_middle_is_named(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively())
    path = next((shop.tables / "events").iterdir())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=path.name):
        prepare(shop)


def test_an_impossible_day_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"clean\.earliest = 'yesterday'"):
        Shop.open(tmp_path, ["clean.earliest=yesterday"])


def test_the_report_is_json_with_what_scripts_read(tmp_path: Path) -> None:
    report = prepare(raw_shop(tmp_path, lively(), goods()))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert {"events", "users", "items", "sessions", "dropped", "checks"} <= set(report)
    assert all(set(check) == {"name", "status", "detail"} for check in report["checks"])
    assert {check["status"] for check in report["checks"]} <= {"pass", "warn", "fail"}
