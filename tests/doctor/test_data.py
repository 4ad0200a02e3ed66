"""Each check of the data fires where it must, and holds its tongue where it must not."""

from __future__ import annotations

import importlib
import json
import pkgutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from endcap.config import Config, Shop
from endcap.doctor import data, examine
from endcap.doctor.finding import Finding
from endcap.doctor.log import Log
from endcap.doctor.page import page
from endcap.tables.prepare import prepare
from tests.doctor.sick import SICK, Sick, browsing
from tests.tables.raw_shop import event, goods, lively, raw_shop, write


def shop_of(folder: Path, sick: Sick) -> Shop:
    shop = raw_shop(folder, [], sick.items, sick.users)
    for rows in sick.lots:
        write(folder, "events", rows)
    if sick.shown:
        write(folder, "impressions", sick.shown)
    return shop


def ask(name: str, shop: Shop) -> Finding:
    """One check alone."""
    module = importlib.import_module(f"endcap.doctor.data.{name}")
    found: Finding = module.check(Log.of(shop, shop.folder / "work"))
    return found


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    rows = browsing()
    rows += [event(f"b{n}", f"item-{n % 12:02}", n / 7.1, price=11.0) for n in range(400)]
    found = examine(raw_shop(tmp_path_factory.mktemp("shop"), rows, goods()), deep=True)
    json.dumps(found, allow_nan=False)
    return {one["name"]: one for one in found["checks"] if one["group"] == "data"}


def test_every_check_is_tested() -> None:
    assert {module.name for module in pkgutil.iter_modules(data.__path__)} == SICK.keys()


@pytest.mark.parametrize("name", SICK)
def test_a_sick_shop_is_told(tmp_path: Path, name: str) -> None:
    sick = SICK[name]()
    found = ask(name, shop_of(tmp_path, sick))
    assert found.status == sick.status, found
    assert sick.detail in found.detail
    assert sick.repair in found.repair
    json.dumps(found.named(name, "", "data"), allow_nan=False)


@pytest.mark.parametrize("name", SICK)
def test_a_healthy_shop_passes(healthy: dict[str, dict[str, Any]], name: str) -> None:
    assert healthy[name]["status"] == "pass", healthy[name]
    assert healthy[name]["repair"] == ""


def test_bad_rows_are_shown(tmp_path: Path) -> None:
    found = ask("encoding", shop_of(tmp_path, SICK["encoding"]()))
    meant = {row["text"]: row["meant"] for row in found.examples}
    assert meant["CafÃ© crÃ¨me"] == "Café crème"
    assert meant["ÖÐ¹úÖÆÔì"] == "中国制造"
    assert "红色连衣裙" not in meant


def test_the_repair_of_ids_works(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, SICK["catalogue"]())
    (tmp_path / "endcap.toml").write_text(ask("catalogue", shop).repair)
    mended = Shop.open(tmp_path)
    report = prepare(mended)
    assert report["catalogue"]["unlisted_items"] == 0
    assert report["items"] == 12
    found = ask("catalogue", mended)
    assert (found.status, found.repair) == ("pass", "")


def test_the_repair_of_bots_works(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, SICK["bots"]())
    (tmp_path / "endcap.toml").write_text(ask("bots", shop).repair)
    assert prepare(Shop.open(tmp_path))["dropped"]["bot"] == 219


@pytest.mark.parametrize(
    ("ids", "events", "ways"),
    [
        (["Ab-1", "Ab-2"], ["ab-1", "AB-2"], ["case"]),
        (["1001", "1002"], ["gid://shop/Product/1001", "gid://shop/Product/1002"], ["prefix"]),
        (["1001", "1002"], ["P1001", "P1002"], ["letters"]),
        (["1001", "1002"], ["1001-red", "1002_blue"], ["suffix"]),
        (["12-34", "56-78"], ["1234", "5678"], ["marks"]),
        (["0012", "0034"], ["12", "34"], ["zeros"]),
        (["a-1", "b-1"], ["1", "1"], []),  # nobody can tell which
    ],
)
def test_what_ids_differ_in_is_found(
    tmp_path: Path, ids: list[str], events: list[str], ways: list[str]
) -> None:
    rows = [event(f"u{n}", events[n % 2], n / 9) for n in range(40)]
    shop = raw_shop(tmp_path, rows, [{"item_id": id_, "title": id_} for id_ in ids])
    repair = ask("catalogue", shop).repair
    assert repair == (f"[clean]\nmatch_ids = {json.dumps(ways)}" if ways else "")


def test_a_repair_is_toml_whatever_the_id(tmp_path: Path) -> None:
    sick = SICK["concentration"]()
    for row in sick.lots[0]:
        row["item_id"] = row["item_id"].replace("gift-card", 'gift "card"')
    repair = tomllib.loads(ask("concentration", shop_of(tmp_path, sick)).repair)
    assert repair["rules"]["blocklist"]["items"] == ['gift "card"']


def test_one_closed_day_is_no_gap(tmp_path: Path) -> None:
    rows = [
        event(f"u{n}", "item-01", day + n / 200)
        for day in range(60)
        for n in range(60)
        if day != 30
    ]
    found = ask("gaps", raw_shop(tmp_path, rows))
    assert found.status == "pass"
    assert found.detail.endswith("days but 2020-10-13: closed, it seems")


def test_without_events_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    found = examine(Shop(tmp_path, Config()), deep=True)
    assert found["status"] == "warn"
    assert "Nothing to look at yet" in page(found)


def test_a_damaged_file_is_said_and_no_defect(tmp_path: Path) -> None:
    """Its end is whole, so that all that is known of it can be read, but no row."""
    shop = raw_shop(tmp_path, lively(), goods())
    [file] = (tmp_path / "tables" / "events").glob("*.parquet")
    content = file.read_bytes()
    rows = len(content) - int.from_bytes(content[-8:-4], "little") - 8
    file.write_bytes(content[:4] + b"Z" * (rows - 4) + content[rows:])
    found = {one["name"]: one for one in examine(shop, deep=True)["checks"]}
    assert found["tables"]["status"] == "fail"
    assert found["log"]["detail"].startswith("The log can't be read: ")


def test_strange_rows_break_no_check(tmp_path: Path) -> None:
    rows = [
        event(None, None, session_id=""),
        event("", "", timestamp=None),
        event(
            "u", None, event_type="search", query="<script>alert(1)</script>", price=float("nan")
        ),
        event("u", "\u200b", timestamp=-(2**62), price=float("inf"), quantity=-1.0),
        event("u", "x" * 5000, timestamp=2**62, currency="", position=-5),
    ]
    items = [{"item_id": "x", "title": "<b>", "attributes": '{"\\"": 1, "a": []}'}]
    found = examine(raw_shop(tmp_path, rows, items), deep=True)
    assert not [one for one in found["checks"] if "could not be looked at" in one["detail"]]
    assert "<script>" not in page(found)


def test_a_check_that_cannot_be_done_takes_no_other_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from endcap.doctor.data import gaps

    def broken(_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(gaps, "check", broken)
    checks = examine(raw_shop(tmp_path, lively(), goods()), deep=True)["checks"]
    found = {one["name"]: one for one in checks}
    assert found["gaps"]["detail"] == "This could not be looked at: no room"
    assert found["bots"]["status"] == "pass"
    assert not (tmp_path / ".doctor").exists()
