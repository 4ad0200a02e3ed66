"""`endcap prepare` beside the same work written by hand in lazy Polars and in pandas.

    python -m benchmarks.preparing [--events 10000000] [--items 100000] [--memory 2GB]

A log of synthetic events with two columns more than needed and 1 % dirt (benchmarks/dirt.py), as
`endcap import` stores it, becomes prepared tables and a report on them. Endcap's time is that of
the whole command; the others leave out the knowledge graph. The tables of Polars are compared with
Endcap's, value by value, and the reports of both.

`--peers none` measures Endcap alone, as for 50 million events in a stated budget of memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.child import ENDCAP, ROOT, Spent, run
from benchmarks.markdown import table

PEERS = ROOT / "benchmarks" / "peers"
HEAD = ["", "seconds", "Endcap / it", "processor seconds", "Endcap / it", "peak, GB"]
FRAMES = ROOT / "build" / "peers" / "frames" / "bin" / "python"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=10_000_000)
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--memory", default="2GB", help="[resources] memory of Endcap")
    arguments.add_argument("--peers", nargs="*", default=["polars", "pandas"])
    arguments.add_argument("--work", default=ROOT / "build" / "preparing", type=Path)
    given = arguments.parse_args()
    folder = (given.work / f"{given.events}-{given.items}").absolute()
    _make(folder, given.events, given.items)
    (folder / "endcap.toml").write_text(f'[resources]\nmemory = "{given.memory}"\n')
    peers = [peer for peer in given.peers if peer != "none"]
    spent = {"endcap": _endcap(folder)} | {peer: _peer(folder, peer) for peer in peers}
    print(table(HEAD, _rows(spent)))
    if peers:
        same = [sys.executable, "-m", "benchmarks.same_tables", folder, *peers]
        print(f"\n{run(same, folder / 'same.log').output.strip()}")


def _make(folder: Path, events: int, items: int) -> None:
    if not (folder / "made").is_file():
        size = ["--events", events, "--items", items]
        run([sys.executable, "-m", "benchmarks.dirt", folder, *size], folder / "make.log")
        (folder / "made").touch()


def _endcap(folder: Path) -> Spent:
    shutil.rmtree(folder / "prepared", ignore_errors=True)
    spent = run([ENDCAP, "prepare", "--json", "--shop", folder], folder / "endcap.log")
    report: dict[str, Any] = json.loads(spent.output)
    lost = ", ".join(f"{name} {rows:,}" for name, rows in report["dropped"].items())
    print(f"{report['events']:,} of {report['read']:,} events stay; dropped: {lost}\n")
    return spent


def _peer(folder: Path, peer: str) -> Spent:
    out = folder / peer
    shutil.rmtree(out, ignore_errors=True)
    command = [FRAMES, PEERS / f"prepare_{peer}.py", folder / "tables", out]
    return run(command, folder / f"{peer}.log")


def _rows(spent: dict[str, Spent]) -> list[list[str]]:
    own = spent["endcap"]
    return [
        [
            name,
            f"{one.seconds:.1f}",
            f"{own.seconds / one.seconds:.2f}",
            f"{one.cpu:.1f}",
            f"{own.cpu / one.cpu:.2f}",
            f"{one.peak / 1e9:.2f}",
        ]
        for name, one in spent.items()
    ]


if __name__ == "__main__":
    main()
