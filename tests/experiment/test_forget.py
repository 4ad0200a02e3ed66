"""A person is erased from prepared tables that are folders of files too, as Spark writes them."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from endcap.config import Shop, alone
from endcap.errors import StateError
from endcap.experiment.forget import forget
from endcap.importing.workspace import PREFIX
from endcap.sources import import_file
from endcap.store.people import People
from endcap.tables import forgetting
from endcap.tables.dataset import Dataset
from endcap.tables.forgetting import mentions
from endcap.tables.prepare import prepare, prepared
from endcap.tables.steps import written
from tests.shops import in_parts
from tests.tables.dirty import dirty_shop
from tests.tables.test_engines import needs_spark

WHO = "user-07"


def prepared_in_parts(folder: Path) -> Shop:
    shop = dirty_shop(folder)
    prepare(shop)
    for name in ("events", "users", "items"):
        in_parts(prepared(shop) / f"{name}.parquet")
    return shop


def certified(shop: Shop) -> dict[str, Any]:
    with closing(People.open(shop.live)) as people:
        return forget(shop, WHO, people)


def erased(certificate: dict[str, Any]) -> dict[str, int]:
    return {place["where"]: place["rows"] for place in certificate["erased"]}


def test_folders_of_files_lose_them_as_files_do(tmp_path: Path) -> None:
    one, other = dirty_shop(tmp_path / "files"), prepared_in_parts(tmp_path / "folders")
    prepare(one)
    lost, also = (erased(certified(shop)) for shop in (one, other))
    assert lost == also
    name = prepared(other).name
    assert lost[f"prepared/{name}/events.parquet"] > 20
    assert lost[f"prepared/{name}/users.parquet"] == 1
    for table in ("events", "users", "items", "features/visitors"):
        mine, theirs = (prepared(shop) / f"{table}.parquet" for shop in (one, other))
        left = pq.read_table(theirs)
        if table == "users":  # the name that they have instead is never the same
            left, known = left.drop(["user_id"]), pq.read_table(mine).drop(["user_id"])
            assert left.equals(known), table
        else:
            assert left.equals(pq.read_table(mine)), table
    data = Dataset.load(prepared(other))
    assert data.user_codes([WHO]).tolist() == [0]
    assert "user-08" in data.users


def test_only_files_that_name_them_are_written_anew(tmp_path: Path) -> None:
    shop = prepared_in_parts(tmp_path)
    files = written(prepared(shop) / "users.parquet")
    before = [path.read_bytes() for path in files]
    naming = [WHO in pq.read_table(path)["user_id"].to_pylist() for path in files]
    assert sum(naming) == 1
    certified(shop)
    assert [path.read_bytes() != old for path, old in zip(files, before, strict=True)] == naming
    sums = [path.with_name(f".{path.name}.crc").exists() for path in files]
    assert sums == [not named for named in naming], "a checksum of what was there before is wrong"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_what_spark_prepared_loses_them(tmp_path: Path) -> None:
    needs_spark()
    changes = ("clean.bot_events_per_day=500", "spark.master=local[2]")
    one, other = (dirty_shop(tmp_path / name, *changes) for name in ("duckdb", "spark"))
    prepare(one)
    prepare(other, engine="spark")
    assert (prepared(other) / "events.parquet").is_dir()
    lost, also = (erased(certified(shop)) for shop in (one, other))
    assert lost == also
    left, theirs = (pq.read_table(prepared(shop) / "events.parquet") for shop in (one, other))
    assert left.equals(theirs.cast(left.schema))
    shutil.rmtree(one.folder)
    assert prepare(other)["users"] > 0, "it is gone on with"


def test_devices_are_still_known_when_it_is_done_again(tmp_path: Path) -> None:
    shop = dirty_shop(tmp_path)
    (tmp_path / "phone.csv").write_text(
        "anonymous_id,item_id,event_type,timestamp\nphone-1,item-1,view,1700000000\n"
    )
    import_file(shop.tables, str(tmp_path / "phone.csv"))
    (tmp_path / "phone.csv").unlink()
    with closing(People.open(shop.live)) as people:
        people.merge("phone-1", WHO)
    with alone(shop.prepared, "prepare"), pytest.raises(StateError, match="prepare"):
        certified(shop)
    assert certified(shop)["devices"] == 1
    assert not [path for path in shop.folder.rglob("*") if mentions(path, ["phone-1", WHO])]


def test_only_what_is_not_ours_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, searched = prepared_in_parts(tmp_path), list[Path]()
    (shop.folder / "notes.txt").write_text(WHO)

    def in_columns(path: Path, ids: Collection[str]) -> bool:
        searched.append(path)
        return False

    monkeypatch.setattr(forgetting, "_in_columns", in_columns)
    assert certified(shop)["found_elsewhere"] == ["notes.txt"]
    assert not searched, "models and tables may be larger than the memory"


def test_what_a_killed_import_left_goes_too(tmp_path: Path) -> None:
    shop = dirty_shop(tmp_path)
    left = shop.tables / f"{PREFIX}dead"
    left.mkdir()
    (left / "import.duckdb").write_text(WHO)
    certified(shop)
    assert not left.exists()
