"""Endcap's sequence model with its attention network; all but its size by default."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.curve import SEED, SHAPE, Given, follow
from benchmarks.peers.sequences import LONGEST, TEST, VALIDATION, Sequences
from endcap.config import Shop
from endcap.retrievers.sequence import Sequence, Settings
from endcap.stages import Run
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepared

PARTS = {VALIDATION: Part.VALIDATION, TEST: Part.TEST}


class Endcap:
    """A fit that goes on from its own checkpoint, an epoch at a time."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self.dataset, self.folder, self.epochs = dataset, folder, 0
        self.known = dataset.before(Part.VALIDATION)

    def epoch(self) -> float:
        self.epochs += 1
        began = time.perf_counter()
        self.model = Sequence.fit(
            Settings(
                dim=SHAPE.width,
                length=SHAPE.length,
                network={"layers": SHAPE.layers, "heads": SHAPE.heads},
                epochs=self.epochs,
            ),
            self.known,
            None,
            Run(self.folder / "run", seed=SEED),
        )
        return time.perf_counter() - began

    def lists(self, part: int) -> NDArray[Any]:
        queries = self.dataset.asked(PARTS[part]).queries
        new = replace(queries, exclude=queries.history.ragged())
        found = self.model.retrieve(new, LONGEST)
        lists = np.full((len(queries), LONGEST), -1)
        lists[found.query, found.places - 1] = found.item
        return lists

    def save(self, path: Path) -> None:
        path.write_text(str(self.epochs))

    def load(self, path: Path) -> None:
        self.epochs = int(path.read_text())


def main() -> None:
    given = Given.read()
    dataset = Dataset.load(prepared(Shop.open(given.sequences.parent)))
    follow(Endcap(dataset, given.folder), Sequences.load(given.sequences), given)


if __name__ == "__main__":
    main()
