"""What has to be there before anything works."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from endcap.cli.app import run
from endcap.config import Shop
from endcap.doctor import examine
from endcap.doctor.setup import installation, settings, store, tables
from endcap.doctor.setup.prepared import check as prepared
from endcap.store.events import LiveEvents
from endcap.tables.prepare import prepare
from tests.tables.raw_shop import event, goods, lively, raw_shop


def doctor(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    code = run(["doctor", "--shop", str(folder), "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def test_a_shop_without_anything_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = doctor(tmp_path, capsys)
    assert (code, found["status"], found["page"]) == (0, "warn", None)
    assert {one["name"] for one in found["checks"]} >= {
        "installation",
        "settings",
        "store",
        "tables",
    }
    assert not (tmp_path / "live.sqlite").exists()


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--shop", str(tmp_path / "none")]) == 1
    assert "There is no shop folder" in capsys.readouterr().err


def test_a_failure_is_said_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw_shop(tmp_path, lively(60), goods())
    broken = tmp_path / "tables" / "events" / "000002-broken.parquet"
    broken.write_bytes(b"PAR1 no")
    code, found = doctor(tmp_path, capsys, "--data")
    assert (code, found["status"]) == (1, "fail")
    said = {one["name"]: one for one in found["checks"]}
    assert said["tables"]["repair"].startswith("rm tables/events/000002-broken.parquet")
    assert said["log"]["detail"].startswith("The log can't be read")
    broken.unlink()
    code, found = doctor(tmp_path, capsys, "--data")
    assert code == 0
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert "how the data is" in page
    assert "http" not in page.replace("http-equiv", "")


def test_people_read_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw_shop(
        tmp_path,
        [event("u", "i", n / 9, price=1.0, currency=("EUR", "USD")[n % 2]) for n in range(99)],
    )
    assert run(["doctor", "--data", "--shop", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "the prices are not in" in out
    assert "doctor.html" in out


def test_stages_that_are_not_there(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path, ["rules.mine.use=my_shop:Rule"])
    assert settings.check(shop).status == "fail"
    assert "my_shop:Rule" in settings.check(shop).detail
    assert settings.check(Shop.open(tmp_path)).status == "pass"


def test_a_damaged_store(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    LiveEvents.open(shop.live).close()
    assert "whole, with 0 events" in store.check(shop).detail
    (shop.folder / "live.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    assert store.check(shop).status == "fail"
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(shop.folder / "live.sqlite").execute("SELECT 1 FROM events")


def test_prepared_tables_may_be_old(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    assert prepared(shop).repair == "endcap prepare"
    prepare(shop)
    assert prepared(shop).status == "pass"
    raw_shop(tmp_path, [event("new", "item-01", 3)])
    assert (prepared(shop).status, prepared(shop).repair) == ("warn", "endcap prepare")


def test_what_prepare_warned_of_is_said_and_not_sent_in_a_circle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = raw_shop(tmp_path, lively(60), goods())
    prepare(shop)
    found = prepared(shop)
    assert (found.status, found.repair) == ("warn", "")
    assert "of the 16 checks of `endcap prepare` warn" in found.detail
    assert "says" in found.examples[0]
    assert run(["doctor", "--shop", str(tmp_path)]) == 0
    assert "doctor --data looks at every imported row" in capsys.readouterr().out


def test_a_damaged_report_takes_no_other_check_down(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    prepare(shop)
    [report] = shop.prepared.glob("*/report.json")
    report.write_text("{")
    found = {one["name"]: one for one in examine(shop)["checks"]}
    assert found["prepared"]["status"] == "fail"
    assert "could not be looked at" in found["prepared"]["detail"]


def test_packages_and_tables(tmp_path: Path) -> None:
    assert installation.check(Shop.open(tmp_path)).status == "pass"
    assert tables.check(Shop.open(tmp_path)).status == "warn"
    assert tables.check(raw_shop(tmp_path, lively(2))).detail.endswith(" events")
