"""Whichever engine prepares a shop, the tables are the same."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from endcap.config import Config
from endcap.errors import StateError
from endcap.tables.engines import open_engine
from endcap.tables.engines.spark import check_java
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared
from tests.tables.dirty import dirty_shop

TABLES = (
    "events",
    "items",
    "users",
    "features/visitors",
    *(f"features/items-{int(part)}" for part in list(Part)[1:]),
)


def needs_spark() -> None:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed: pip install 'endcap[spark]'")
    try:
        check_java()
    except StateError as error:
        pytest.skip(str(error))


# What PySpark and Ibis ask of pandas 3 is going to change in pandas 4.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [(), ("split.protocol=leave-one-out", "clean.unknown_items=drop")]
)
def test_spark_makes_the_same_tables_as_duckdb(tmp_path: Path, changes: tuple[str, ...]) -> None:
    needs_spark()
    few = (*changes, "clean.bot_events_per_day=500", "spark.master=local[2]")
    shops = {name: dirty_shop(tmp_path / name, *few) for name in ("duckdb", "spark")}
    reports = [prepare(shop, engine=name) for name, shop in shops.items()]  # type: ignore[arg-type]
    assert reports[0]["dropped"]["bot"] > 0
    assert reports[0]["dropped"]["duplicate"] > 0
    one, other = (prepared(shop) for shop in shops.values())
    for name in TABLES:
        ours, theirs = (pq.read_table(folder / f"{name}.parquet") for folder in (one, other))
        assert ours.equals(theirs.cast(ours.schema)), name
    assert _told(reports[0]) == _told(reports[1])


def test_without_java_spark_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StateError, match=r"Java, and there is none.*17 or newer.*JAVA_HOME"):
        check_java()


def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(StateError, match="there is Java 8"):
        check_java()


def test_without_pyspark_spark_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    monkeypatch.setitem(__import__("sys").modules, "pyspark.errors", None)
    with pytest.raises(StateError, match=r"endcap\[spark\]"):
        open_engine("spark", tmp_path, Config())


def _told(report: dict[str, Any]) -> str:
    same = {key: value for key, value in report.items() if key != "seconds"}
    return json.dumps(same, sort_keys=True)


def test_half_done_work_of_one_engine_is_not_gone_on_with_by_another(tmp_path: Path) -> None:
    shop = dirty_shop(tmp_path)

    def stop(step: str, share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(shop, stop)
    draft = next(shop.prepared.glob(".*-duckdb"))
    shutil.move(draft, draft.with_name(draft.name.replace("duckdb", "spark")))
    assert prepare(shop)["events"] > 0
