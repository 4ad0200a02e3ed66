"""What `test_processes` has torchrun start: a fit, its weights written by the first process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from endcap.nn import checkpoint, processes
from endcap.retrievers.sequence import Sequence, Settings
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.types import Report, silent
from tests.shops import checkerboard, in_parts

EPOCHS = 3


def learned(folder: Path, report: Report = silent) -> Sequence:
    """By chance alone differ two processes from one: so there is no dropout. Two read the events
    from a folder of files, as Spark writes them."""
    shop = folder / f"shop-{processes.rank()}"
    if not shop.exists():
        checkerboard(shop)
        if processes.count() > 1:
            in_parts(shop / "events.parquet")
    data = Dataset.load(shop)
    settings = Settings(
        dim=8,
        length=10,
        epochs=EPOCHS,
        tokens=50,
        embedding_dropout=0.0,
        network={"dropout": 0.0},
    )
    run = Run(folder / "run", seed=3, report=report)
    return Sequence.fit(settings, data.before(Part.TEST), data.asked(Part.TEST), run)


def die_in_the_second_epoch(step: str, share: float) -> None:
    """The second process does, and torchrun ends the first."""
    if processes.rank() == 1 and share > 1.4 / EPOCHS:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    checkpoint.PAUSE = 0.0  # a checkpoint after each step
    folder, killed = Path(sys.argv[1]), sys.argv[2:] == ["killed"]
    model = learned(folder, die_in_the_second_epoch if killed else silent)
    if processes.rank() == 0:
        model.save(folder / "model")
