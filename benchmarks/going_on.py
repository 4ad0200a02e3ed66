"""What it costs to go on from the live release, beside a fit from the beginning.

    python -m benchmarks.going_on EVENTS.parquet [--days 14] [--set KEY=VALUE …]

A shop is fitted on all but the last days of a log, the release goes live, and the days come in.
Then the same tables are learned twice: by `endcap fit --continue` and by `endcap fit`. Prints the
seconds that processors spent on both and the paired difference of their lists for the test part
(`endcap compare`). What is done is kept in the work folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.child import ENDCAP, ROOT, Spent, run
from benchmarks.markdown import table
from endcap.config import FILE

DAY = 86_400


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", type=Path)
    arguments.add_argument("--days", type=float, default=14)
    arguments.add_argument("--set", action="append", default=[], dest="changes")
    arguments.add_argument("--work", type=Path, default=ROOT / "build" / "going-on")
    given = arguments.parse_args()
    shop = given.work.absolute()
    shop.mkdir(parents=True, exist_ok=True)
    (shop / FILE).touch()
    before, after = _parts(given.events, shop, given.days)
    changes = [part for change in given.changes for part in ("--set", change)]
    steps: dict[str, list[object]] = {
        "first": ["fit", *changes],
        "continued": ["fit", "--continue", *changes],
        "anew": ["fit", *changes],
    }
    for path, names in ((before, ["first"]), (after, ["continued", "anew"])):
        if not all((shop / f"{name}.json").is_file() for name in names):
            _run(shop, "import", "import", path)
            _run(shop, "prepare", "prepare")
        for name in names:
            _once(shop, name, steps[name])
        if names == ["first"]:
            _run(shop, "promote", "promote", _release(shop, "first"), "--force")
    _show(shop)


def _parts(events: Path, shop: Path, days: float) -> tuple[Path, Path]:
    """The log in two files, of which the second holds the last days."""
    log = pq.read_table(events)
    end = pc.max(log["timestamp"]).as_py()
    early = pc.less(log["timestamp"], end - round(days * DAY))
    paths = shop / "before.parquet", shop / "after.parquet"
    for path, mask in zip(paths, (early, pc.invert(early)), strict=True):
        pq.write_table(log.filter(mask), path)
    return paths


def _run(shop: Path, name: str, *command: object) -> Spent:
    return run([ENDCAP, *command, "--shop", shop, "--json"], shop / f"{name}.log")


def _once(shop: Path, name: str, command: list[object]) -> None:
    known = shop / f"{name}.json"
    if not known.is_file():
        print(f"{name} …", file=sys.stderr)
        spent = _run(shop, name, *command)
        answer = json.loads(spent.output)
        known.write_text(json.dumps({**answer, "cpu": spent.cpu, "peak": spent.peak}))


def _known(shop: Path, name: str) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((shop / f"{name}.json").read_text())
    return known


def _release(shop: Path, name: str) -> str:
    return str(_known(shop, name)["release"])


def _show(shop: Path) -> None:
    rows = []
    for name in ("anew", "continued"):
        known = _known(shop, name)
        ndcg = known["metrics"]["ndcg@10"]["value"]
        rows.append([name, f"{known['cpu']:.0f}", f"{known['peak'] / 1e9:.1f}", f"{ndcg:.4f}"])
    print(table(["fit", "s of processors", "peak GB", "NDCG@10"], rows))
    pair = (_release(shop, name) for name in ("continued", "anew"))
    gap = json.loads(_run(shop, "compare", "compare", *pair).output)["metrics"]["ndcg@10"]
    print(
        f"\ncontinued − anew: {gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}], "
        f"p = {gap['p']:.3f}"
    )


if __name__ == "__main__":
    main()
