"""The imported tables: whole or not at all, and nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.config import Config
from endcap.errors import StateError
from endcap.importing.workspace import PREFIX, workspace
from endcap.sources import import_file
from endcap.tables.engines import open_engine
from endcap.tables.imported import imported, newest

EVENTS = "event_id,user_id,item_id,event_type,timestamp\n"


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def counts(folder: Path, path: str) -> tuple[int, int]:
    (found,) = import_file(folder, path)
    return found.kept, found.duplicates


def test_an_event_that_is_there_is_not_kept_again(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", EVENTS + "e1,u,i,view,1700000000\ne2,u,i,view,1700000001\n")
    second = write(tmp_path / "b.csv", EVENTS + "e2,u,i,view,1700000001\ne3,u,i,view,1700000002\n")
    assert counts(tmp_path / "t", first) == (2, 0)
    assert counts(tmp_path / "t", second) == (1, 1)
    assert counts(tmp_path / "t", second) == (0, 2)


def test_content_stands_in_for_a_missing_event_id(tmp_path: Path) -> None:
    """The same content is the same event, in whichever format it comes."""
    header, row = "user_id,item_id,event_type,timestamp\n", "1,2,view,1700000000\n"
    assert counts(tmp_path / "t", write(tmp_path / "a.csv", header + 2 * row)) == (1, 1)
    pq.write_table(
        pa.table({"user_id": [1], "item_id": [2.0], "event_type": ["View"], "ts": [1_700_000_000]}),
        tmp_path / "a.parquet",
    )
    assert counts(tmp_path / "t", str(tmp_path / "a.parquet")) == (0, 1)


def test_the_newest_import_of_an_item_counts(tmp_path: Path) -> None:
    old = write(tmp_path / "old.csv", "item_id,title\n1,Old\n2,Two\n")
    new = write(tmp_path / "new.csv", "item_id,title\n1,New\n3,Three\n")
    for path in (old, new):
        assert counts(tmp_path / "t", path) == (2, 0)
    assert counts(tmp_path / "t", old) == (0, 2)
    engine = open_engine("duckdb", tmp_path / "work", Config())
    items = newest(imported(engine, tmp_path / "t", "items"), "items")
    titles = items.order_by("item_id").to_pyarrow()["title"].to_pylist()
    assert titles == ["New", "Two", "Three"]


def test_one_import_at_a_time(tmp_path: Path) -> None:
    with (
        workspace(tmp_path),
        pytest.raises(StateError, match="Another import is under way"),
        workspace(tmp_path),
    ):
        pass


def test_what_a_dead_import_left_is_cleaned(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}dead"
    left.mkdir()
    (left / "import.duckdb").write_bytes(b"half")
    with workspace(tmp_path):
        assert not left.exists()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_import_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, how: signal.Signals
) -> None:
    """An import that has stored, or is about to, when the signal comes was too small to be killed:
    a larger one is."""
    for count in (400_000, 1_600_000, 6_400_000):
        pq.write_table(
            pa.table({"uid": pa.array(range(count)), "sku": ["i"] * count, "ts": [1] * count}),
            tmp_path / "big.parquet",
        )
        tables = tmp_path / f"{count}" / "tables"
        code, said = interrupted(tmp_path, tables, how)
        if code is not None:
            break
    if how is signal.SIGINT:
        assert (code, said) == (130, "Interrupted; run the same command again to go on.\n")
    assert not [*tables.rglob("*.parquet")]
    assert counts(tables, str(tmp_path / "big.parquet")) == (count, 0)
    assert [path.name for path in tables.iterdir()] == ["events"]


def hears() -> None:
    """Ctrl-C is no longer ignored, as it is by all that a shell runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(folder: Path, tables: Path, how: signal.Signals) -> tuple[int | None, str]:
    """How an import ends that is sent a signal while it reads, and what it says; no code where it
    had come further."""
    program = "from endcap.cli.app import main; main()"
    command = [sys.executable, "-c", program, "import", "big.parquet", "--shop", str(tables.parent)]
    victim = subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hears,
    )
    while not [*tables.glob(f"{PREFIX}*/import.duckdb")]:
        assert victim.poll() is None, victim.communicate()
        time.sleep(0.01)
    time.sleep(0.2)
    reads = not [*tables.rglob("*.parquet")]
    victim.send_signal(how)
    _, said = victim.communicate(timeout=60)
    return (victim.returncode if reads else None), said
