"""A stated budget of memory is kept, or refused before any work."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.child import run
from benchmarks.dirt import goods, write_log
from endcap.config import Shop
from endcap.errors import ConfigError, StateError
from endcap.tables.prepare import memory, prepare
from tests.tables.raw_shop import lively, raw_shop

ENDCAP = [sys.executable, "-m", "endcap"]


def test_a_budget_that_is_too_small_is_refused_with_advice(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), changes=["resources.memory=200MB"])
    with pytest.raises(StateError, match=r"'200MB' is too little.*about 1\.1 GB.*Raise it"):
        prepare(shop)
    assert not list(shop.prepared.glob("*/"))


def test_what_is_needed_grows_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = raw_shop(tmp_path, lively())
    monkeypatch.setattr(memory, "EVENT", 1 << 20)
    assert memory.needed(shop) == 2 * (memory.PROGRAM + len(lively()) * memory.EVENT)


@pytest.mark.parametrize("value", ["'4'", "many", "GB", "-1GB", "1.2.3GB"])
def test_a_budget_that_is_no_size(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"resources\.memory.*as \"4GB\""):
        Shop.open(tmp_path, [f"resources.memory={value}"])


@pytest.mark.slow
@pytest.mark.parametrize("events", [200_000, 2_000_000])
def test_the_peak_stays_below_the_budget(tmp_path: Path, events: int) -> None:
    import pyarrow.parquet as pq

    for name in ("events", "items"):
        (tmp_path / "tables" / name).mkdir(parents=True)
    write_log(tmp_path / "tables" / "events" / "000001-a.parquet", events, 5_000, 1)
    pq.write_table(goods(5_000, 1), tmp_path / "tables" / "items" / "000001-a.parquet")
    budget = memory.needed(Shop.open(tmp_path)) + (50 << 20)
    (tmp_path / "endcap.toml").write_text(f'[resources]\nmemory = "{budget // 1_000_000}MB"\n')
    spent = run([*ENDCAP, "prepare", "--json", "--shop", tmp_path], tmp_path / "log")
    assert json.loads(spent.output)["events"] > 0.98 * events
    assert budget / 5 < spent.peak < budget
