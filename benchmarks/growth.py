"""How time and memory grow with the log and the catalogue, on synthetic logs.

    python -m benchmarks.growth [EVENTS:ITEMS …]

EVENTS in millions, ITEMS in thousands. Each size takes the whole line by the command line: the
log and catalogue are made (see benchmarks/synthetic.py), imported, prepared and fitted with
default settings, but that the networks learn for one epoch. Each command is a process of its own;
its seconds are those that processors spent on it, which other work on the machine hardly changes.

What is done is kept in the work folder: an interrupted run goes on. The figures of a whole line
are kept in `figures/growth/`, which belongs to the repository. To measure a size anew, remove its
file there and its work folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.child import ENDCAP, ROOT, Spent, run
from benchmarks.markdown import table

SIZES = ("1:10", "1:100", "1:1000", "10:10", "10:100", "10:1000", "50:10", "50:100")

SETTINGS = "[retrievers.sequence]\nepochs = 1\n\n[retrievers.described]\nepochs = 1\n"

STEPS = ("import", "prepare", "fit")

FIGURES = Path(__file__).with_name("figures") / "growth"
"""Of each size, a file."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sizes", nargs="*", default=SIZES, metavar="EVENTS:ITEMS")
    arguments.add_argument("--work", default=ROOT / "build" / "growth", type=Path)
    arguments.add_argument("--threads", type=int, help="of a fit; as many as cores if not given")
    given = arguments.parse_args()
    rows = []
    for size in given.sizes:
        events, items = (float(part) for part in size.split(":"))
        spent = _spent(given.work.absolute() / size.replace(":", "-"), events, items, given.threads)
        rows.append([f"{events:g} M × {items:g} k", *_cells(spent, events)])
    print(table(["synthetic events × items", *_titles()], rows))
    print("\ns: seconds of processors, s/M: per million events; GB: peak memory of the process.")


def _titles() -> list[str]:
    return [f"{step}, {unit}" for step in STEPS for unit in ("s", "s/M", "GB")]


def _cells(spent: dict[str, Spent], events: float) -> list[str]:
    return [
        cell
        for one in spent.values()
        for cell in (f"{one.cpu:.0f}", f"{one.cpu / events:.1f}", f"{one.peak / 1e9:.1f}")
    ]


def _spent(folder: Path, events: float, items: float, threads: int | None) -> dict[str, Spent]:
    """What each step took, `events` in millions and `items` in thousands; kept or measured."""
    kept = FIGURES / f"{folder.name}.json"
    if not kept.is_file():
        spent = _measure(folder, round(events * 1e6), round(items * 1e3), threads)
        figures = {step: {**asdict(one), "output": ""} for step, one in spent.items()}
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(figures, indent=1) + "\n")
    return {step: Spent(**one) for step, one in json.loads(kept.read_text()).items()}


def _measure(folder: Path, events: int, items: int, threads: int | None) -> dict[str, Spent]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "endcap.toml").write_text(SETTINGS)
    size = ["--events", events, "--items", items]
    _once("make", [sys.executable, "-m", "benchmarks.synthetic", folder, *size], folder, threads)
    commands: dict[str, list[object]] = {
        "import": [ENDCAP, "import", folder / "events.parquet", folder / "items.parquet"],
        "prepare": [ENDCAP, "prepare"],
        "fit": [ENDCAP, "fit", "--no-refit"],
    }
    return {step: _once(step, commands[step], folder, threads) for step in STEPS}


def _once(name: str, command: list[object], folder: Path, threads: int | None) -> Spent:
    """What a command spent, now or in an earlier run."""
    known = folder / f"{name}.json"
    if known.is_file():
        return Spent(**json.loads(known.read_text()))
    print(f"{folder.name}: {name} …", file=sys.stderr)
    spent = run(command, folder / f"{name}.log", threads)
    known.write_text(json.dumps(asdict(spent)))
    return spent


if __name__ == "__main__":
    main()
