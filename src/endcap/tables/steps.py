"""Parquet between steps: each step is a file, written once, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ibis.expr.types import Table

from endcap.errors import DataError, words
from endcap.tables.engines import Engine

BRIEF = "steps"
"""The folder of what is removed at the end."""


@dataclass(frozen=True)
class Steps:
    """A folder of finished steps. One that is there already is not computed again, so work
    that was interrupted goes on where it stopped.

    A step of Spark is a folder of files, which readers of Parquet take for one; `written` names
    them.
    """

    engine: Engine
    folder: Path

    def write(self, name: str, rows: Table) -> Table:
        """Compute a step, unless it is there, and read it back.

        The rows come back with `row`, their place in the step from 0.
        """
        return self.make(name, lambda path: self._compute(name, rows, path))

    def make(self, name: str, write: Callable[[Path], None]) -> Table:
        """The same for what no engine computes."""
        return self.engine.step(self.fill(name, write))

    def fill(self, name: str, write: Callable[[Path], None]) -> Path:
        """The same, and where it stands: not even to be read back does it need the engine, which
        one thread at a time may use."""
        path = self.path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}")
            shutil.rmtree(draft, ignore_errors=True)
            write(draft)
            os.replace(draft, path)
        return path

    def path(self, name: str) -> Path:
        """Where a step stands, or is going to."""
        return self.folder / f"{name}.parquet"

    def _compute(self, name: str, rows: Table, path: Path) -> None:
        try:
            self.engine.write(rows, path, lasting=not name.startswith(f"{BRIEF}/"))
        except self.engine.failures as error:
            raise DataError(f"The step {name} cannot be computed: {words(error)}") from error


def written(step: Path) -> list[Path]:
    """The files of a step in the order of its rows: itself, or those of its folder."""
    return sorted(step.glob("part-*.parquet")) if step.is_dir() else [step]
