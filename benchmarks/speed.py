"""Training speed beside RecBole and RecTools: the same events, the same size of network.

    python -m benchmarks.speed EVENTS.parquet [--epochs N] [--share S] [--quality] [--goal NDCG]

Trains Endcap's attention model, RecBole's SASRec and RecTools' SASRec one after the other, each
in a process of its own, with a softmax over all items, 64 wide, 2 layers, 2 heads, the newest
50 events. Leave-one-out: training sees neither the test event nor the one before it.

Endcap trains until the validation part is no longer guessed better. The peers take one epoch and
are judged after it, or with `--epochs` that many; with `--share` they take that share of an
epoch's batches, from which its seconds are extrapolated, and are not judged; with `--quality` they
too train until nothing is gained, in smaller steps, which takes hours. What is done is kept in the
work folder: an interrupted run goes on, and `--fresh NAME` measures one of them anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.child import ROOT, run
from benchmarks.markdown import table

SYSTEMS = {
    "endcap": "benchmarks.peers.endcap_attention",
    "recbole": "benchmarks.peers.recbole_sasrec",
    "rectools": "benchmarks.peers.rectools_sasrec",
}

SMALL = {"recbole": 256, "rectools": 32}
"""Samples of a peer's step where it trains to its end: with an eighth or a fourth of its default
it takes as long for an epoch, and a fraction of the epochs."""

PEERS = ROOT / "build" / "peers"
"""Where `make peers` installs them."""

MANY = 100
"""Epochs at most, where the validation part says when to stop."""


@dataclass(frozen=True)
class Result:
    """curve: for each epoch its seconds and, where it was judged, NDCG@10 of both parts."""

    curve: list[dict[str, float]]
    peak: int

    @property
    def seconds(self) -> float:
        """Of an epoch."""
        return median(epoch["seconds"] for epoch in self.curve)

    @property
    def best(self) -> dict[str, float] | None:
        """The epoch that the validation part chooses."""
        judged = [epoch for epoch in self.curve if "validation" in epoch]
        return max(judged, key=lambda epoch: epoch["validation"], default=None)

    def until(self, goal: float) -> float | None:
        """Seconds of training until the test part is guessed as well as that."""
        spent = 0.0
        for epoch in self.curve:
            spent += epoch["seconds"]
            if epoch.get("test", 0.0) >= goal:
                return spent
        return None


def main() -> None:
    given = _arguments()
    events = [sys.executable, "-m", "benchmarks.peers.events", given.events, given.work]
    positions = int(run(events, given.work / "events.log").output)
    results = {}
    for name in SYSTEMS:
        if name in given.fresh:
            shutil.rmtree(_folder(given, name), ignore_errors=True)
        print(f"{name} …", file=sys.stderr)
        results[name] = _measure(given, name)
    print(f"{positions:,} training positions, {given.threads} threads each.\n")
    titles = ("", "s/epoch", "× Endcap", "epochs", "NDCG@10", f"s to {given.goal:g}", "peak GB")
    print(table(titles, _rows(results, given.goal)))
    if given.share < 1 and not given.quality:
        print(f"\nThe peers' seconds are extrapolated from {given.share:.0%} of the batches.")


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", type=_path)
    arguments.add_argument("--work", type=_path, default=PEERS.parent / "speed")
    arguments.add_argument("--peers", type=_path, default=PEERS)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--epochs", type=int, default=1)
    arguments.add_argument("--share", type=float, default=1.0)
    arguments.add_argument("--patience", type=int, default=3)
    arguments.add_argument("--goal", type=float, default=0.048)
    arguments.add_argument("--quality", action="store_true")
    arguments.add_argument("--fresh", nargs="*", choices=list(SYSTEMS), default=[])
    return arguments.parse_args()


def _path(text: str) -> Path:
    return Path(text).absolute()


def _folder(given: argparse.Namespace, name: str) -> Path:
    """Of one system's run; a run of another kind has another."""
    whole = name == "endcap" or given.quality
    folder: Path = given.work / (name if whole else f"{name}-{given.epochs}-{given.share:g}")
    return folder


def _measure(given: argparse.Namespace, name: str) -> Result:
    folder = _folder(given, name)
    if not (folder / "peak.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        spent = run(_command(given, name, folder), folder / "run.log", given.threads)
        (folder / "peak.json").write_text(json.dumps(spent.peak))
    curve = json.loads((folder / "curve.json").read_text())
    return Result(curve, json.loads((folder / "peak.json").read_text()))


def _command(given: argparse.Namespace, name: str, folder: Path) -> list[object]:
    own = sys.executable if name == "endcap" else given.peers / name / "bin" / "python"
    if not Path(own).exists():
        sys.exit(f"There is no {own}: run `make peers`.")
    command: list[object] = [own, "-m", SYSTEMS[name], given.work / "sequences.npz", folder]
    if name == "endcap" or given.quality:
        small = ["--batch", SMALL[name]] if name in SMALL else []
        return [*command, "--epochs", MANY, "--patience", given.patience, *small]
    judged = ["--patience", given.epochs] if given.share == 1 else []
    return [*command, "--epochs", given.epochs, "--share", given.share, *judged]


def _rows(results: dict[str, Result], goal: float) -> Iterator[list[str]]:
    own = results["endcap"].seconds
    for name, one in results.items():
        speed = [f"{one.seconds:.1f}", f"{one.seconds / own:.1f}"]
        yield [name, *speed, *_quality(one, goal), f"{one.peak / 1e9:.1f}"]


def _quality(one: Result, goal: float) -> list[str]:
    if one.best is None:
        return ["", "", ""]
    reached = one.until(goal)
    return [
        str(1 + one.curve.index(one.best)),
        f"{one.best['test']:.4f}",
        "never" if reached is None else f"{reached:.0f}",
    ]


if __name__ == "__main__":
    main()
