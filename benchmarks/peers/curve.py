"""Train a system epoch by epoch: time each, and judge it outside of that time.

What is known so far stands in `curve.json` of the run's folder after each epoch, and the
system beside it, so that a run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmarks.peers.sequences import TEST, VALIDATION, Sequences, ndcg

CURVE = "curve.json"

SEED = 1


@dataclass(frozen=True)
class Shape:
    """What all systems have in common."""

    width: int = 64
    layers: int = 2
    heads: int = 2
    length: int = 50


SHAPE = Shape()


class System(Protocol):
    """A recommender in training."""

    def epoch(self) -> float:
        """Train for an epoch, or a share of its batches; the seconds that a whole one takes."""

    def lists(self, part: int) -> NDArray[Any]:
        """[users, 10] for each user who is asked about, the best items that are new to them."""

    def save(self, path: Path) -> None: ...

    def load(self, path: Path) -> None: ...


@dataclass(frozen=True)
class Given:
    """What a run was told.

    epochs: at most. share: of each epoch's batches. patience: epochs without a better
    validation figure after which to stop; 0 never judges. batch: samples of a peer's step, which
    are then not padded beyond their longest; None leaves both as the peer has them.
    """

    sequences: Path
    folder: Path
    epochs: int
    share: float
    patience: int
    batch: int | None

    @classmethod
    def read(cls) -> Given:
        arguments = argparse.ArgumentParser()
        arguments.add_argument("sequences", type=Path)
        arguments.add_argument("folder", type=Path)
        arguments.add_argument("--epochs", type=int, default=1)
        arguments.add_argument("--share", type=float, default=1.0)
        arguments.add_argument("--patience", type=int, default=0)
        arguments.add_argument("--batch", type=int)
        return cls(**vars(arguments.parse_args()))


def follow(system: System, sequences: Sequences, given: Given) -> None:
    """Train until nothing is gained any more, and keep the curve."""
    path, state = given.folder / CURVE, given.folder / "state"
    curve: list[dict[str, float]] = json.loads(path.read_text()) if path.is_file() else []
    if curve:
        system.load(state)
    while not _done(curve, given):
        seconds = system.epoch()
        curve.append({"seconds": seconds, **_judged(system, sequences, given)})
        system.save(state)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(curve, indent=1))
        os.replace(draft, path)


def _judged(system: System, sequences: Sequences, given: Given) -> dict[str, float]:
    parts = {"validation": VALIDATION, "test": TEST} if given.patience else {}
    return {
        name: ndcg(system.lists(part), sequences.asked(part)[1]) for name, part in parts.items()
    }


def _done(curve: list[dict[str, float]], given: Given) -> bool:
    if len(curve) >= given.epochs or not given.patience or not curve:
        return len(curve) >= given.epochs
    scores = [epoch["validation"] for epoch in curve]
    return len(scores) - 1 - scores.index(max(scores)) >= given.patience
