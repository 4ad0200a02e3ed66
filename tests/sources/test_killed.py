"""An import or a preparation that is killed at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.config import Shop
from endcap.sources import Wanted, import_files
from endcap.tables.prepare import prepared

FILES, ROWS = 6, 3_000
QUICK, MANY = 3, 50


def exports(folder: Path) -> list[str]:
    """Exports of which each repeats the second half of the one before."""
    names = []
    for n in range(FILES):
        rows = range(n * ROWS // 2, n * ROWS // 2 + ROWS)
        table = {
            "event_id": [f"e{row}" for row in rows],
            "user_id": [f"u{row % 97}" for row in rows],
            "item_id": [f"i{row % 41}" for row in rows],
            "event_type": ["view" if row % 5 else "purchase" for row in rows],
            "timestamp": [1_700_000_000 + 600 * row for row in rows],
        }
        names.append(str(folder / f"export-{n}.parquet"))
        pq.write_table(pa.table(table), names[-1])
    return names


def stored(shop: Path) -> Counter[str]:
    """How often each event is there."""
    files = sorted((shop / "tables" / "events").glob("*.parquet"))
    return Counter(id_ for path in files for id_ in pq.read_table(path)["event_id"].to_pylist())


def run(*arguments: str) -> subprocess.Popen[bytes]:
    code = "from endcap.cli.app import main; main()"
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def undisturbed(*arguments: str) -> float:
    """Seconds that a command takes."""
    began = time.monotonic()
    assert run(*arguments).wait() == 0
    return time.monotonic() - began


def killed(after: float, *arguments: str) -> bool:
    """Whether the command was still at work when it was killed."""
    victim = run(*arguments)
    try:
        victim.wait(after)
    except subprocess.TimeoutExpired:
        victim.send_signal(signal.SIGKILL)
    return victim.wait() == -signal.SIGKILL


def dataset(shop: Path) -> list[pa.Table]:
    """All prepared tables, their rows in a fixed order."""
    folder = prepared(Shop.open(shop))
    names = ("events", "items", "users", "features/items-4", "features/visitors")
    return [pq.read_table(folder / f"{name}.parquet") for name in names]


@pytest.mark.parametrize("times", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path: Path, times: int) -> None:
    names, chance = exports(tmp_path), random.Random(times)  # noqa: S311
    calm, shop = tmp_path / "calm", tmp_path / "shop"
    shop.mkdir()
    calm.mkdir()
    works = (("import", *names), ("prepare",))
    seconds = [undisturbed(*work, "--shop", str(calm)) for work in works]
    hits = 0
    for n in range(times):
        before = stored(shop)
        moment = chance.uniform(0.2, 1.0) * seconds[n % 2]
        hits += killed(moment, *works[n % 2], "--shop", str(shop))
        after = stored(shop)
        assert before <= after  # what was acknowledged is still there
        assert not after or max(after.values()) == 1
    assert hits
    for work in works:
        undisturbed(*work, "--shop", str(shop))
    assert stored(shop) == stored(calm)
    assert not [*(shop / "tables").glob(".import-*")]
    for one, other in zip(dataset(shop), dataset(calm), strict=True):
        assert one.equals(other)


def test_many_files_in_a_row_hold_each_event_once(tmp_path: Path) -> None:
    names = exports(tmp_path)
    found = [one for done in import_files(tmp_path / "t", names, Wanted()) for one in done]
    assert [one.kept for one in found] == [ROWS, *([ROWS // 2] * (FILES - 1))]
    again = [one for done in import_files(tmp_path / "t", names, Wanted()) for one in done]
    assert [(one.kept, one.duplicates) for one in again] == [(0, ROWS)] * FILES
    mixed = [names[0], str(sorted((tmp_path).glob("export-5*"))[0]), names[0]]
    fresh = [one for done in import_files(tmp_path / "u", mixed, Wanted()) for one in done]
    assert [one.kept for one in fresh] == [ROWS, ROWS, 0]


def test_a_dry_run_remembers_nothing(tmp_path: Path) -> None:
    names = exports(tmp_path)
    found = import_files(tmp_path / "t", [names[0]] * 2, Wanted(dry_run=True))
    assert [one.kept for done in found for one in done] == [ROWS, ROWS]
