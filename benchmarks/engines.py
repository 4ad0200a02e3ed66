"""Whether DuckDB and Spark prepare the same tables, and what each takes.

    python -m benchmarks.engines completejourney: [FILE …] [--master local[2]]

The files are imported into two shops; each engine prepares one of them. All tables are compared
row by row and value by value, and the data report with them. It needs `pip install 'endcap[spark]'`
and Java 17 or newer.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.child import ENDCAP, ROOT, Spent, run
from benchmarks.markdown import table

ENGINES = ("duckdb", "spark")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("files", nargs="+")
    arguments.add_argument("--master", default="local[2]")
    arguments.add_argument("--work", default=ROOT / "build" / "engines", type=Path)
    given = arguments.parse_args()
    shops = {engine: given.work.absolute() / engine for engine in ENGINES}
    for folder in shops.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "endcap.toml").write_text(f'[spark]\nmaster = "{given.master}"\n')
    first, second = shops.values()
    files = [one if one.endswith(":") else str(Path(one).resolve()) for one in given.files]
    run([ENDCAP, "import", *files, "--shop", first], first / "import.log")
    shutil.copytree(first / "tables", second / "tables")
    spent = {engine: _prepare(folder, engine) for engine, folder in shops.items()}
    rows = [
        [name, f"{one.seconds:.1f}", f"{one.cpu:.1f}", f"{one.peak / 1e9:.2f}"]
        for name, one in spent.items()
    ]
    print(table(["engine", "seconds", "processor seconds", "peak, GB, of the process"], rows))
    print(f"\n{_compared(*map(_prepared, shops.values()))}")


def _prepare(folder: Path, engine: str) -> Spent:
    command = [ENDCAP, "prepare", "--engine", engine, "--json", "--shop", folder]
    return run(command, folder / "prepare.log")


def _prepared(shop: Path) -> Path:
    return shop / "prepared" / (shop / "prepared" / "current").read_text().strip()


def _compared(one: Path, other: Path) -> str:
    names = sorted(str(path.relative_to(one)) for path in one.rglob("*.parquet"))
    ours = {name: pq.read_table(one / name) for name in names}
    theirs = {name: pq.read_table(other / name) for name in names}
    wrong = [name for name in names if not ours[name].equals(theirs[name].cast(ours[name].schema))]
    if _report(one) != _report(other):
        wrong.append("report.json")
    rows = sum(table.num_rows for table in ours.values())
    if wrong:
        return f"Not the same: {', '.join(wrong)}"
    return f"The same, all {rows:,} rows of {len(names)} tables, and the report."


def _report(folder: Path) -> Any:
    report = json.loads((folder / "report.json").read_text())
    return {key: value for key, value in report.items() if key != "seconds"}


if __name__ == "__main__":
    main()
